import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seg.data import (
    Augmentation,
    ImageFolder,
    PackedDataset,
    PyDatasetSamples,
    SegmentationDataset,
    StreetScenes,
    TFDSDataset,
    class_pixels,
    evaluation_pipeline,
    pack,
    training_pipeline,
)
from keras_seg.data.record_files import record_places
from tests.data.test_sample_reader import IMAGES, LABEL, PICTURE, encoded, folder_of


class Arrays(SegmentationDataset):
    """Images of any channels and type with labels of any value."""

    def __init__(self, image, label, num_classes=3, ignore_class=255):
        names = [str(index) for index in range(num_classes)]
        super().__init__(names, ignore_class=ignore_class)
        self.sample = np.asarray(image), np.asarray(label)
        self.channels = self.sample[0].shape[-1]
        self.image_dtype = str(self.sample[0].dtype)

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return self.sample


def assert_same(dataset, other):
    assert len(dataset) == len(other)
    assert dataset.class_names == other.class_names
    assert dataset.ignore_class == other.ignore_class
    np.testing.assert_array_equal(dataset.palette, other.palette)
    for (image, label), (other_image, other_label) in zip(dataset, other, strict=True):
        np.testing.assert_array_equal(image, other_image)
        np.testing.assert_array_equal(label, other_label)
        assert image.dtype == other_image.dtype


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    names = ("RGB PNG", "JPEG", "palette PNG", "gray PNG", "CMYK JPEG")
    images = [IMAGES[name][0] for name in names]
    folder = tmp_path_factory.mktemp("files")
    return folder_of(
        folder, images, [encoded(LABEL)] * 5, label_map={0: 2, 1: 255, 2: 0}
    )


@pytest.fixture(scope="module")
def packed(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed") / "train"
    written = []
    pack(files, folder, images_per_shard=2, progress=written.append)
    assert written == [1, 2, 3, 4, 5]
    return PackedDataset(folder)


def test_packed_images_and_labels_are_the_same(files, packed):
    assert_same(packed, files)
    np.testing.assert_array_equal(class_pixels(packed), class_pixels(files))
    shards = sorted(path.name for path in packed.folder.glob("*.tfrecord"))
    assert shards == ["00000.tfrecord", "00001.tfrecord", "00002.tfrecord"]


def test_other_programs_read_the_records(files, packed):
    features = {key: tf.io.FixedLenFeature([], tf.string) for key in ("image", "label")}
    records = tf.data.TFRecordDataset(str(packed.folder / "00000.tfrecord"))
    examples = [tf.io.parse_single_example(record, features) for record in records]
    # The original bytes of the files.
    assert [x["image"].numpy() for x in examples] == [
        IMAGES[name][0] for name in ("RGB PNG", "JPEG")
    ]
    label = tf.io.decode_png(examples[0]["label"])[..., 0]
    np.testing.assert_array_equal(label, files[0][1])


def test_tensorflow_decodes_what_was_packed(packed, monkeypatch):
    assert None not in [packed.read_encoded(index) for index in range(5)]
    expected = [packed[index] for index in range(5)]
    monkeypatch.setattr(PackedDataset, "__getitem__", None)
    pipeline = training_pipeline(packed, 5, lambda x, y, seed: (x, y))
    (images, labels), *_ = pipeline
    for place, index in enumerate(np.random.default_rng((0, 0)).permutation(5)):
        np.testing.assert_array_equal(images[place], expected[index][0])
        np.testing.assert_array_equal(labels[place], expected[index][1])


def test_packed_batches_are_those_of_the_files(files, packed):
    """Augmented, balanced, resumed and sharded."""

    def batches(dataset):
        return [
            (images.numpy(), labels.numpy())
            for images, labels in training_pipeline(
                dataset,
                4,
                Augmentation((12, 16)),
                seed=3,
                first_epoch=2,
                shard=(1, 2),
                class_balance=0.5,
            )
        ]

    for mine, other in zip(batches(packed), batches(files), strict=True):
        np.testing.assert_array_equal(mine[0], other[0])
        np.testing.assert_array_equal(mine[1], other[1])


@pytest.mark.parametrize(
    "dataset",
    [
        StreetScenes(3, (64, 64)),
        Arrays(np.full((4, 5, 1), 7, "uint8"), np.ones((4, 5), "uint8")),
        Arrays(np.full((4, 5, 4), 7, "uint8"), np.ones((4, 5), "uint8")),
        Arrays(np.full((4, 5, 3), 7.5, "float32"), np.ones((4, 5), "uint8")),
        Arrays(PICTURE, np.where(LABEL == 1, 299, 65535).astype("int32"), 300, 65535),
    ],
)
def test_data_sets_of_arrays(dataset, tmp_path):
    pack(dataset, tmp_path)
    packed = PackedDataset(tmp_path)
    assert_same(packed, dataset)
    pipeline = training_pipeline(packed, 1)
    assert pipeline.element_spec[0].shape[-1] == dataset.channels
    (images, labels), *_ = pipeline
    assert images.shape[1:3] == labels.shape[1:] == dataset[0][1].shape


def test_other_file_systems(tmp_path, files):
    """TensorFlow's file system in memory stands in for gs://."""
    root = "ram://bucket/data"
    for kind in ("images", "labels"):
        tf.io.gfile.makedirs(f"{root}/{kind}")
        for path in (files.image_paths, files.label_paths)[kind == "labels"]:
            with tf.io.gfile.GFile(f"{root}/{kind}/{path.name}", "wb") as file:
                file.write(path.read_bytes())
    label_map = {0: 2, 1: 255, 2: 0}
    folders = f"{root}/images", f"{root}/labels"
    remote = ImageFolder(*folders, files.class_names, label_map=label_map)
    assert str(remote.image_paths[0]).startswith("ram://bucket/data/images/0.")
    assert_same(remote, files)
    assert str(pack(remote, f"{root}/packed")) == f"{root}/packed/index.json"
    assert_same(PackedDataset(f"{root}/packed"), files)
    with pytest.raises(FileNotFoundError, match="ram://bucket/none"):
        ImageFolder("ram://bucket/none", folders[1], ("a",))


def test_errors_of_packing(packed, tmp_path):
    with pytest.raises(FileExistsError, match="remove it or pass another folder"):
        pack(packed, packed.folder)
    with pytest.raises(ValueError, match="Received: images_per_shard=0"):
        pack(packed, tmp_path, images_per_shard=0)
    with pytest.raises(FileNotFoundError, match="must hold index.json"):
        PackedDataset(tmp_path)


def test_a_shard_that_is_cut_off(files, tmp_path):
    pack(files, tmp_path)
    shard = tmp_path / "00000.tfrecord"
    places = record_places(shard)
    lengths = json.loads((tmp_path / "index.json").read_text())["shards"][0]
    assert places[:, 1].tolist() == lengths["record_lengths"]
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(ValueError, match="00000.tfrecord ends within a record"):
        PackedDataset(tmp_path)[4]


def tfds_builder(folder, labels, feature, file_format="tfrecord", image=PICTURE):
    """Stores an image with labels as a data set of `tensorflow_datasets`."""
    tfds = pytest.importorskip("tensorflow_datasets")
    pytest.importorskip("importlib_resources")  # tensorflow_datasets writes with it
    if file_format == "array_record":
        pytest.importorskip("array_record")
    kind, options = feature
    features = {
        "image": tfds.features.Image(shape=(None, None, 3), dtype=image.dtype),
        "segmentation_mask": getattr(tfds.features, kind)(**options),
    }
    samples = [{"image": image, "segmentation_mask": label} for label in labels]
    return tfds.dataset_builders.store_as_tfds_dataset(
        name="tiny",
        version="1.0.0",
        data_dir=str(folder),
        split_datasets={"train": enumerate(samples)},
        features=tfds.features.FeaturesDict(features),
        file_format=file_format,
        disable_shuffling=True,
    )


@pytest.mark.parametrize("file_format", ["tfrecord", "array_record"])
def test_tensorflow_datasets(tmp_path, file_format):
    labels = [np.roll(LABEL + np.uint8(1), index) for index in range(5)]
    feature = "Image", {"shape": (None, None, 1)}
    channels = [label[..., None] for label in labels]
    builder = tfds_builder(tmp_path, channels, feature, file_format)
    names, values = ("a", "b", "c"), {1: 2, 2: 0, 3: 255}
    dataset = TFDSDataset(builder, "train", names, label_map=values)
    assert len(dataset) == 5 and len(TFDSDataset(builder, "train[1:3]", names)) == 2
    for index, label in enumerate(labels):
        image, classes = dataset[index]
        np.testing.assert_array_equal(image, PICTURE)
        np.testing.assert_array_equal(classes, np.array([0, 2, 0, 255])[label])
    with pytest.raises(ValueError, match=r"holds the values \[3\]"):
        TFDSDataset(builder, "train", names)[0]
    with pytest.raises(ValueError, match="`split` must be one of train"):
        TFDSDataset(builder, "val", names)
    with pytest.raises(ValueError, match="`label_key`"):
        TFDSDataset(builder, "train", names, label_key="label")


def test_independent_classes_of_tensorflow_datasets(tmp_path):
    masks = np.stack([LABEL == 0, LABEL == 1], axis=-1).astype("uint8")
    masks[0] = 9
    feature = "Tensor", {"shape": masks.shape, "dtype": np.uint8}
    builder = tfds_builder(tmp_path, [masks], feature)
    options = {"independent_classes": True, "ignore_class": 9}
    dataset = TFDSDataset(builder, "train", ("a", "b"), **options)
    np.testing.assert_array_equal(dataset[0][1], masks)
    _, labels = next(iter(evaluation_pipeline(dataset)))
    np.testing.assert_array_equal(labels[0], masks)
    with pytest.raises(ValueError, match="pass independent_classes=True"):
        TFDSDataset(builder, "train", ("a", "b"))[0]
    options["label_map"] = {0: 1, 1: 0}
    flipped = TFDSDataset(builder, "train", ("a", "b"), **options)[0][1]
    np.testing.assert_array_equal(flipped, np.array([1, 0] + 8 * [9])[masks])


def test_16_bit_images_of_tensorflow_datasets(tmp_path):
    feature, labels = ("Image", {"shape": (None, None, 1)}), [LABEL[..., None]]
    image = PICTURE * np.uint16(257)
    builder = tfds_builder(tmp_path, labels, feature, image=image)
    found, _ = TFDSDataset(builder, "train", ("a", "b", "c"))[0]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, PICTURE)


def test_fractions_are_no_labels_of_tensorflow_datasets(tmp_path):
    feature = "Tensor", {"shape": LABEL.shape, "dtype": np.float32}
    builder = tfds_builder(tmp_path, [LABEL * np.float32(0.5)], feature)
    with pytest.raises(ValueError, match="Label 0 of float32"):
        TFDSDataset(builder, "train", ("a", "b", "c"))[0]


@pytest.mark.parametrize("value", [0.9, 256, -1.0])
def test_images_of_a_py_dataset_are_in_0_to_255(value):
    image, labels = np.full((1, 4, 5, 3), value), np.zeros((1, 4, 5), "uint8")
    with pytest.raises(ValueError, match="must have (RGB images|values) in 0..255"):
        PyDatasetSamples([(image, labels)], ("a", "b"))[0]
    image, _ = PyDatasetSamples([(image[..., :2], labels)], ("a", "b"))[0]
    np.testing.assert_array_equal(image, np.float32(value))


def test_sample_weights_of_a_py_dataset_are_refused():
    arrays = np.zeros((1, 4, 5, 3), "uint8"), np.zeros((1, 4, 5), "uint8")
    assert len(PyDatasetSamples([(*arrays, None)], ("a", "b"))) == 1
    with pytest.raises(ValueError, match="images and labels alone. Received: 3 arrays"):
        PyDatasetSamples([(*arrays, np.ones(1))], ("a", "b"))


@pytest.mark.keras3("keras.utils.PyDataset")
def test_samples_of_a_py_dataset():
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            size = 1 if index == 2 else 2
            images = np.full((size, 4, 5, 3), index, "uint8")
            images[1:] += 100
            return images, np.full((size, 4, 5, 1), index)

    dataset = PyDatasetSamples(Batches(), ("a", "b", "c"))
    assert len(dataset) == 5
    values = [int(image[0, 0, 0]) for image, _ in dataset]
    assert values == [0, 100, 1, 101, 2]
    assert [int(label[0, 0]) for _, label in dataset] == [0, 0, 1, 1, 2]
    images, labels = next(iter(training_pipeline(dataset, 5)))
    assert images.shape == (5, 4, 5, 3) and labels.shape == (5, 4, 5)


@pytest.mark.keras3("keras.utils.PyDataset")
def test_independent_classes_of_a_py_dataset():
    masks = np.random.default_rng(0).choice([0, 1, 255], (4, 5, 6, 2))

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            batch = masks[2 * index : 2 * index + 2]
            return np.zeros((2, 5, 6, 3), "uint8"), batch

    dataset = PyDatasetSamples(Batches(), ("a", "b"), independent_classes=True)
    np.testing.assert_array_equal([label for _, label in dataset], masks)
    _, labels = next(iter(evaluation_pipeline(dataset, 4)))
    np.testing.assert_array_equal(labels, masks)
    with pytest.raises(ValueError, match=r"Label 1 .*\(5, 6, 2\).*independent_cl"):
        PyDatasetSamples(Batches(), ("a", "b"))[1]
    names = ("a", "b", "c")
    with pytest.raises(ValueError, match=r"each of the 3 .*the shape \(5, 6, 2\)"):
        PyDatasetSamples(Batches(), names, independent_classes=True)[0]
