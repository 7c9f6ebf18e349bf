import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_seg.data import (
    Augmentation,
    ImageFolder,
    SegmentationDataset,
    evaluation_pipeline,
    training_pipeline,
)
from keras_seg.ops import row_positions


class Numbers(SegmentationDataset):
    """Image i is filled with i + 1; its label is i % 4, with i // 4 in a corner."""

    def __init__(self, sizes):
        super().__init__(("a", "b", "c", "d"))
        self.sizes = sizes
        self.reads = []

    def __len__(self):
        return len(self.sizes)

    def __getitem__(self, index):
        self.reads.append(index)
        size = self.sizes[index]
        label = np.full(size, index % 4, "uint8")
        label[0, 0] = index // 4
        return np.full((*size, 3), index + 1, "uint8"), label


class Broken(Numbers):
    def __init__(self, image, label):
        super().__init__([(4, 4)])
        self.sample = image, label

    def __getitem__(self, index):
        return self.sample


def numbers(count, size=(6, 8)):
    return Numbers([size] * count)


def epoch(pipeline):
    """The numbers of the images in the order of an epoch."""
    return [int(image[0, 0, 0]) - 1 for images, _ in pipeline for image in images]


def arrays(pipeline):
    return [(images.numpy(), labels.numpy()) for images, labels in pipeline]


def test_training_batches():
    pipeline = training_pipeline(numbers(11), 4)
    assert pipeline.cardinality() == 2
    images_spec, labels_spec = pipeline.element_spec
    assert images_spec.shape == (4, 6, 8, 3) and images_spec.dtype == tf.float32
    assert labels_spec.shape == (4, 6, 8) and labels_spec.dtype == tf.int32
    batches = arrays(pipeline)
    assert len(batches) == 2
    for images, labels in batches:
        index = images[..., 0].astype(int) - 1
        assert np.ptp(index, axis=(1, 2)).max() == 0
        np.testing.assert_array_equal(labels[:, 1:], index[:, 1:] % 4)
        np.testing.assert_array_equal(labels[:, 0, 0], index[:, 0, 0] // 4)


def test_every_epoch_has_an_order_of_its_own():
    pipeline = training_pipeline(numbers(10), 3)
    epochs = [epoch(pipeline) for _ in range(4)]
    for order in epochs:
        assert len(order) == len(set(order)) == 9
    assert len(set(map(tuple, epochs))) == 4
    assert len({(set(range(10)) - set(order)).pop() for order in epochs}) > 1


def test_a_seed_gives_the_same_batches_again():
    augmentation = Augmentation((4, 5), (0.5, 2))

    def two_epochs(seed):
        pipeline = training_pipeline(numbers(9), 2, augmentation, seed=seed)
        return arrays(pipeline) + arrays(pipeline)

    first = two_epochs(3)
    tf.random.set_seed(1)  # the seeds of others must not matter
    again, other = two_epochs(3), two_epochs(4)
    for (images, labels), (same_images, same_labels) in zip(first, again, strict=True):
        np.testing.assert_array_equal(images, same_images)
        np.testing.assert_array_equal(labels, same_labels)
    assert not all(
        np.array_equal(mine[0], their[0])
        for mine, their in zip(first, other, strict=True)
    )


def test_augmentation_differs_between_samples_and_epochs():
    seeds = []

    def augmentation(image, label, seed):
        image = tf.fill((1, 1, 3), tf.cast(seed[1], tf.float32))
        return image, tf.fill((1, 1), tf.cast(seed[0], tf.int32))

    pipeline = training_pipeline(numbers(7), 2, augmentation, seed=12)
    for _ in range(2):
        for images, labels in pipeline:
            np.testing.assert_array_equal(labels, 12)
            seeds += images[:, 0, 0, 0].numpy().tolist()
    assert seeds == [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12]


def test_augmentation_gives_the_static_size():
    dataset = Numbers([(6, 8), (9, 3), (20, 20), (5, 5)])
    pipeline = training_pipeline(dataset, 2, Augmentation((7, 5)))
    assert pipeline.element_spec[0].shape == (2, 7, 5, 3)
    assert pipeline.element_spec[1].shape == (2, 7, 5)
    assert len(arrays(pipeline)) == 2
    assert sorted(dataset.reads) == [0, 1, 2, 3]


def test_sizes_that_differ_need_augmentation():
    pipeline = training_pipeline(Numbers([(6, 8)] * 3 + [(6, 9)]), 4)
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        arrays(pipeline)
    message = str(caught.value)
    assert "image 0 of (6, 8) and image 3 of (6, 9)" in message
    assert "Pass an `Augmentation`" in message


def test_cache_reads_once():
    dataset = numbers(5)
    pipeline = training_pipeline(dataset, 5, Augmentation((4, 4)), cache=True)
    first, second = arrays(pipeline), arrays(pipeline)
    assert sorted(dataset.reads) == [0, 1, 2, 3, 4]
    assert not np.array_equal(first[0][0], second[0][0])


def test_without_cache_reads_every_epoch():
    dataset = numbers(4)
    pipeline = training_pipeline(dataset, 4, Augmentation((4, 4)))
    for _ in range(2):
        arrays(pipeline)
    assert sorted(dataset.reads) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_fit_knows_the_length_and_sees_new_epochs():
    layer = keras.layers.Conv2D(4, 1)
    model = keras.Sequential([keras.Input((None, None, 3)), layer])
    loss = keras.losses.SparseCategoricalCrossentropy(True, ignore_class=255)
    model.compile("sgd", loss)
    pipeline = training_pipeline(numbers(6), 2, Augmentation((4, 4)))
    history = model.fit(pipeline, epochs=2, shuffle=False, verbose=0)
    assert history.params["steps"] == 3
    assert np.isfinite(history.history["loss"]).all()


def test_evaluation_gives_every_image_once_in_order():
    pipeline = evaluation_pipeline(numbers(7), 3)
    assert pipeline.cardinality() == 3
    assert pipeline.element_spec[0].shape.as_list() == [3, None, None, 3]
    batches = arrays(pipeline)
    assert [images.shape for images, _ in batches] == [(3, 6, 8, 3)] * 3
    images = np.concatenate([images for images, _ in batches])
    labels = np.concatenate([labels for _, labels in batches])
    assert images.dtype == np.float32 and labels.dtype == np.int32
    assert images[:, 2, 2, 0].tolist() == [1, 2, 3, 4, 5, 6, 7, 0, 0]
    assert labels[:, 2, 2].tolist() == [0, 1, 2, 3, 0, 1, 2, 255, 255]
    assert (images[7:] == 0).all() and (labels[7:] == 255).all()


def test_evaluation_of_many_sizes_one_by_one():
    sizes = [(6, 8), (3, 11), (7, 7)]
    batches = arrays(evaluation_pipeline(Numbers(sizes)))
    assert [labels.shape for _, labels in batches] == [(1, *size) for size in sizes]


def test_evaluation_refuses_many_sizes_in_a_batch():
    pipeline = evaluation_pipeline(Numbers([(6, 8), (6, 8), (6, 8), (7, 7)]), 2)
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        arrays(pipeline)
    message = str(caught.value)
    assert "image 2 of (6, 8) and image 3 of (7, 7)" in message
    assert "Use batch_size=1" in message


both_pipelines = pytest.mark.parametrize(
    "build",
    [
        lambda dataset: training_pipeline(dataset, 2, Augmentation((4, 4))),
        lambda dataset: evaluation_pipeline(dataset, 2),
    ],
)


@both_pipelines
def test_errors_of_reading_name_the_file(tmp_path, build):
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for name, value in (("good", 0), ("wrong", 9)):
        label = np.full((6, 8), value, "uint8")
        Image.fromarray(label).save(tmp_path / "labels" / f"{name}.png")
        Image.fromarray(label).save(tmp_path / "images" / f"{name}.png")
    dataset = ImageFolder(tmp_path / "images", tmp_path / "labels", ("a", "b"))
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        arrays(build(dataset))
    assert "wrong.png holds the values 9" in str(caught.value)


@both_pipelines
def test_files_that_vanish_are_named(tmp_path, build):
    for name in ("kept", "gone"):
        for folder in (tmp_path / "images", tmp_path / "labels"):
            folder.mkdir(exist_ok=True)
            label = np.zeros((6, 8), "uint8")
            Image.fromarray(label).save(folder / f"{name}.png")
    dataset = ImageFolder(tmp_path / "images", tmp_path / "labels", ("a", "b"))
    pipeline = build(dataset)
    (tmp_path / "images" / "gone.png").unlink()
    with pytest.raises(tf.errors.InvalidArgumentError, match="images/gone.png"):
        arrays(pipeline)


@pytest.mark.parametrize(
    "image, label, message",
    [
        (np.zeros((4, 4), "uint8"), np.zeros((4, 4), "uint8"), "the shapes (4, 4)"),
        (np.zeros((4, 4, 3), "uint8"), np.zeros((4, 5), "uint8"), "and (4, 5)"),
        (np.zeros((4, 4, 3)), np.zeros((4, 4), "uint8"), "Received: float64"),
    ],
)
def test_samples_of_the_wrong_kind(image, label, message):
    with pytest.raises(ValueError) as caught:
        training_pipeline(Broken(image, label), 1)
    assert "dataset[0] must return" in str(caught.value)
    assert message in str(caught.value)


def test_rejects_bad_arguments():
    dataset = numbers(3)
    for pipeline in (training_pipeline, evaluation_pipeline):
        for batch_size in (0, -1, 2.0):
            with pytest.raises(ValueError, match="integer. Received: batch_size="):
                pipeline(dataset, batch_size)
    with pytest.raises(ValueError, match="Received: 3 images and batch_size=4"):
        training_pipeline(dataset, 4)
    with pytest.raises(ValueError, match="`seed` must.*Received: seed=-1"):
        training_pipeline(dataset, 1, seed=-1)
    with pytest.raises(ValueError, match="`dataset` must hold at least one image"):
        evaluation_pipeline(numbers(0))


def test_shards_by_data(two_replicas):
    pipeline = training_pipeline(numbers(8), 4)
    for dataset in (pipeline, evaluation_pipeline(numbers(8), 4)):
        policy = dataset.options().experimental_distribute.auto_shard_policy
        assert policy == tf.data.experimental.AutoShardPolicy.DATA
    parts = [
        two_replicas.experimental_local_results(images)
        for images, _ in two_replicas.experimental_distribute_dataset(pipeline)
    ]
    seen = [
        int(image[0, 0, 0]) - 1 for pair in parts for part in pair for image in part
    ]
    assert sorted(seen) == list(range(8))
    assert {len(part) for pair in parts for part in pair} == {2}


@pytest.mark.parametrize("pipeline", [training_pipeline, evaluation_pipeline])
def test_the_end_of_an_epoch_waits_for_no_tuning(pipeline):
    assert pipeline(numbers(2), 1).options().autotune.enabled is False


def test_training_positions_come_with_the_images():
    data = numbers(5, (20, 16))
    pipeline = training_pipeline(data, 2, Augmentation((12, 10)), positions=True)
    (images_spec, rows_spec), labels_spec = pipeline.element_spec
    assert images_spec.shape == (2, 12, 10, 3) and labels_spec.shape == (2, 12, 10)
    assert rows_spec == tf.TensorSpec((2, 12), tf.int32)
    plain = training_pipeline(data, 2, Augmentation((12, 10)))
    together = zip(pipeline, plain, strict=True)
    for ((images, rows), labels), (expected_images, expected_labels) in together:
        np.testing.assert_array_equal(images, expected_images)
        np.testing.assert_array_equal(labels, expected_labels)
        # Where all of a row is padding, its label is void and its position says so.
        void = np.all(labels.numpy() == 255, axis=2)
        np.testing.assert_array_equal(rows.numpy() == 128, void)


def test_positions_of_whole_images():
    expected = row_positions(np.arange(20), 20)
    pipeline = training_pipeline(numbers(2, (20, 16)), 2, positions=True)
    ((_, rows), _), *_ = pipeline
    assert pipeline.element_spec[0][1].shape == (2, 20)
    np.testing.assert_array_equal(rows, [expected, expected])
    # In evaluation images have heights of their own.
    sizes = [(20, 16), (33, 10)]
    batches = evaluation_pipeline(Numbers(sizes), positions=True)
    for ((images, rows), labels), (height, _) in zip(batches, sizes, strict=True):
        assert images.shape[1] == labels.shape[1] == height
        np.testing.assert_array_equal(rows, [row_positions(np.arange(height), height)])


def test_a_run_that_goes_on_has_the_epochs_it_would_have_had():
    whole = training_pipeline(numbers(11), 4, seed=1)
    epochs = [epoch(whole) for _ in range(3)]
    assert epochs[1] != epochs[2]
    resumed = training_pipeline(numbers(11), 4, seed=1, first_epoch=1)
    assert [epoch(resumed) for _ in range(2)] == epochs[1:]


def test_machines_share_the_batches_of_one():
    augmentation = Augmentation((4, 4), scale=(0.5, 2.0))
    one = arrays(training_pipeline(numbers(13), 6, augmentation, seed=1))
    datasets = [numbers(13) for _ in range(3)]
    parts = [
        arrays(training_pipeline(each, 6, augmentation, 1, shard=(index, 3)))
        for index, each in enumerate(datasets)
    ]
    assert len(one) == 2 and [len(part) for part in parts] == [2] * 3
    for step, whole in enumerate(one):
        for both in zip(whole, *(part[step] for part in parts), strict=True):
            np.testing.assert_array_equal(both[0], np.concatenate(both[1:]))
    # Each reads its own images alone.
    assert [len(each.reads) for each in datasets] == [4] * 3


def test_machines_evaluate_each_image_once():
    parts = [
        arrays(evaluation_pipeline(numbers(7), 6, shard=(index, 3)))
        for index in range(3)
    ]
    # The second batch has one image: two machines have none left.
    assert [[len(images) for images, _ in part] for part in parts] == [[2, 2]] * 3
    seen = [
        int(image[0, 0, 0]) - 1
        for part in parts
        for images, labels in part
        for image, label in zip(images, labels, strict=True)
        if (label != 255).any()
    ]
    assert sorted(seen) == list(range(7))


@pytest.mark.parametrize("machines", [1, 2])
def test_images_of_many_sizes_come_one_by_one_in_batches(machines):
    sizes = [(6, 8), (3, 11), (7, 7)]
    for index in range(machines):
        shard = index, machines
        pipeline = evaluation_pipeline(Numbers(sizes), 4, shard=shard, one_by_one=True)
        assert pipeline.cardinality() == 3
        batches = arrays(pipeline)
        each = 4 // machines
        shapes = [labels.shape for _, labels in batches]
        assert shapes == [(each, *size) for size in sizes]
        filled = [(labels != 255).any(axis=(1, 2)) for _, labels in batches]
        first = [[index == 0] + [False] * (each - 1)] * 3
        assert np.array_equal(filled, first)


@pytest.mark.parametrize("pipeline", [training_pipeline, evaluation_pipeline])
def test_batches_must_divide_among_machines(pipeline):
    with pytest.raises(ValueError, match="batch_size=4 for 3 machines"):
        pipeline(numbers(7), 4, shard=(0, 3))


class ManyClasses(SegmentationDataset):
    """300 classes, of which 255 is one, and 65535 is ignored."""

    def __init__(self, label=255):
        super().__init__([f"class {k}" for k in range(300)], ignore_class=65535)
        self.label = label

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return np.zeros((6, 8, 3), "uint8"), np.full((6, 8), self.label, "int32")


def test_padding_has_the_label_that_the_data_set_ignores():
    """Not 255, which is a class here."""
    augmentation = Augmentation((12, 16), (1.0, 1.0))
    for _, labels in training_pipeline(ManyClasses(), 2, augmentation):
        values, counts = np.unique(labels, return_counts=True)
        assert values.tolist() == [255, 65535]
        assert counts.tolist() == [2 * 48, 2 * (192 - 48)]
    assert augmentation.ignore_class is None  # it serves other data sets too


def test_padding_with_another_label_is_refused():
    agreeing = Augmentation((12, 16), ignore_class=65535)
    training_pipeline(ManyClasses(), 2, agreeing)
    with pytest.raises(ValueError, match="that of the data set, 65535.*Received: 255"):
        training_pipeline(ManyClasses(), 2, Augmentation((12, 16), ignore_class=255))


@pytest.mark.parametrize("label", [300, -1, 254999])
def test_a_label_that_is_no_class_stops_with_its_value(label):
    dataset = ManyClasses(label)
    message = rf"dataset\[\d\]: Labels must .*Received: \[{label}\]"
    for pipeline in (
        training_pipeline(dataset, 2, Augmentation((4, 4))),
        evaluation_pipeline(dataset),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            next(iter(pipeline))
