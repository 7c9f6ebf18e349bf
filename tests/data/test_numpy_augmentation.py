import numpy as np
import pytest
import tensorflow as tf

from keras_seg.data import (
    AlbumentationsTransform,
    Augmentation,
    NumpyAugmentation,
    SegmentationDataset,
    training_pipeline,
)
from keras_seg.ops import row_positions


class Sizes(SegmentationDataset):
    """Images of some sizes; the label is the row, up to 9."""

    def __init__(self, sizes=((12, 16), (10, 14), (13, 20), (11, 11)), channels=3):
        super().__init__([str(index) for index in range(10)])
        self.sizes, self.channels = sizes, channels
        self.image_dtype = "uint8" if channels == 3 else "float32"

    def __len__(self):
        return len(self.sizes)

    def __getitem__(self, index):
        rows, columns = np.indices(self.sizes[index])
        image = np.stack([rows * 16 + columns] * self.channels, axis=-1)
        return image.astype(self.image_dtype), np.minimum(rows, 9).astype("uint8")


def crop(image, label, rng):
    top, left = rng.integers(image.shape[0] - 7), rng.integers(image.shape[1] - 8)
    return image[top : top + 8, left : left + 9], label[top : top + 8, left : left + 9]


def epochs(augmentation, count=1, **options):
    pipeline = training_pipeline(Sizes(), 2, augmentation, **options)
    return [(x, y) for _ in range(count) for x, y in pipeline]


def same(first, second):
    return all(
        np.array_equal(one, other)
        for pairs in zip(first, second, strict=True)
        for one, other in zip(*pairs, strict=True)
    )


def test_arrays_get_sizes_and_types():
    pipeline = training_pipeline(Sizes(), 2, NumpyAugmentation(crop))
    assert pipeline.element_spec == (
        tf.TensorSpec((2, 8, 9, 3), tf.float32),
        tf.TensorSpec((2, 8, 9), tf.int32),
    )
    for images, labels in pipeline:
        np.testing.assert_array_equal(np.minimum(images[..., 0] // 16, 9), labels)


def test_random_numbers_follow_from_the_seed():
    two = epochs(NumpyAugmentation(crop), 2, seed=1)
    assert same(two, epochs(NumpyAugmentation(crop), 2, seed=1))
    assert same(two[2:], epochs(NumpyAugmentation(crop), 1, seed=1, first_epoch=1))
    assert not same(two[:2], two[2:])
    assert not same(two, epochs(NumpyAugmentation(crop), 2, seed=2))


def test_unknown_sizes_are_those_of_the_first_image():
    def unknown(image, label, seed):
        size = tf.cast(seed[0], tf.int32) + 5  # seed 2 makes it 7
        return image[:size, :8], label[:size, :8]

    spec = training_pipeline(Sizes(), 2, unknown, seed=2).element_spec
    assert spec[0].shape == (2, 7, 8, 3) and spec[1].shape == (2, 7, 8)


def test_results_of_many_sizes_are_an_error():
    pipeline = training_pipeline(Sizes(), 1, lambda image, label, seed: (image, label))
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        list(pipeline)
    assert "must return results of one size: crop or pad" in str(caught.value)


@pytest.mark.parametrize(
    "augmentation, error, message",
    [
        (lambda x, y, seed: (np.fliplr(x), y), TypeError, "NumpyAugmentation"),
        (lambda x, y, seed: (x.copy(), y), TypeError, "NumpyAugmentation"),
        (lambda x, y, seed: x, ValueError, r"must return \(image, label\)"),
        (lambda x, y, seed: (x[None], y), ValueError, "image with the shape"),
        (lambda x, y, seed: (x[:8, :8], y[:7, :8]), ValueError, "the same size"),
    ],
)
def test_what_an_augmentation_must_not_do(augmentation, error, message):
    with pytest.raises(error, match=message):
        training_pipeline(Sizes(), 2, augmentation)


@pytest.mark.parametrize(
    "function, message",
    [
        (lambda x, y, rng: x, "must return 2 arrays"),
        (lambda x, y, rng: (x[..., :2], y), r"an image \(height, width, 3\)"),
        (lambda x, y, rng: (x, y / 2), r"a label of integers.*values \[0\.5"),
    ],
)
def test_what_a_function_of_arrays_must_not_do(function, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        training_pipeline(Sizes(), 2, NumpyAugmentation(function))


def test_tensors_of_labels_are_whole_numbers():
    def resized(image, label, seed, dtype):
        return image[:8, :8], tf.cast(label[:8, :8], "float32") / dtype

    whole = training_pipeline(Sizes(), 2, lambda *x: resized(*x, 1.0))
    assert whole.element_spec[1].dtype == tf.int32
    with pytest.raises(tf.errors.InvalidArgumentError, match="a label of integers"):
        next(iter(training_pipeline(Sizes(), 2, lambda *x: resized(*x, 2.0))))


@pytest.mark.parametrize("cache", [False, True])
def test_functions_may_work_in_place(cache):
    def aligned(array):
        """TensorFlow shares the memory of such arrays."""
        memory = np.empty(array.nbytes + 64, "uint8")
        start = -memory.ctypes.data % 64
        copy = memory[start : start + array.nbytes].view(array.dtype)
        copy = copy.reshape(array.shape)
        copy[:] = array
        return copy

    class InMemory(Sizes):
        def __init__(self):
            super().__init__([(12, 16)] * 4)
            rows, columns = np.indices((12, 16))
            image = np.stack([10 * (columns // 2)] * 3, axis=-1).astype("uint8")
            label = (columns // 2).astype("int32")
            self.pairs = [(aligned(image), aligned(label)) for _ in range(4)]

        def __getitem__(self, index):
            return self.pairs[index]

    def mirror(image, label, rng):
        image[:] = image[:, ::-1].copy()
        label[:] = label[:, ::-1].copy()
        return image, label

    data = InMemory()
    pipeline = training_pipeline(data, 2, NumpyAugmentation(mirror), cache=cache)
    for _ in range(2):
        for images, labels in pipeline:
            np.testing.assert_array_equal(images[..., 0], 10 * labels)
            assert (labels.numpy()[:, :, 0] == 7).all()
    for image, label in data.pairs:
        assert image[0, 0, 0] == label[0, 0] == 0


def test_rejects_what_cannot_be_called():
    with pytest.raises(TypeError, match="`function` must be callable"):
        NumpyAugmentation("crop")
    with pytest.raises(TypeError, match="`transform` must be an albumentations.Comp"):
        AlbumentationsTransform(crop)


def test_positions_go_through_a_function():
    def upside_down(image, label, rng, positions):
        return image[9::-1, :9], label[9::-1, :9], positions[9::-1]

    pipeline = training_pipeline(
        Sizes(), 2, NumpyAugmentation(upside_down), positions=True
    )
    for (_, rows), _ in pipeline:
        assert rows.shape == (2, 10) and (np.diff(rows, axis=1) < 0).all()


@pytest.mark.parametrize("channels", [1, 4])
def test_images_of_other_channels(channels):
    pipeline = training_pipeline(Sizes(channels=channels), 2, Augmentation((8, 9)))
    assert pipeline.element_spec[0].shape == (2, 8, 9, channels)
    for images, _ in pipeline:
        assert images.dtype == tf.float32 and np.isfinite(images).all()


def transform_of(albumentations):
    a = albumentations
    steps = [
        a.RandomScale((-0.3, 0.5), p=1),
        a.PadIfNeeded(10, 12, fill_mask=255),
        a.RandomCrop(10, 12),
        a.HorizontalFlip(),
    ]
    return a.Compose(steps, seed=7)


def test_albumentations_follow_the_seed_of_the_pipeline():
    albumentations = pytest.importorskip("albumentations")

    def two_epochs(**options):
        transform = AlbumentationsTransform(transform_of(albumentations))
        return epochs(transform, 2, **options)

    first = two_epochs(seed=3)
    assert first[0][0].shape == (2, 10, 12, 3) and first[0][1].dtype == tf.int32
    assert same(first, two_epochs(seed=3))
    assert same(first[2:], two_epochs(seed=3, first_epoch=1)[:2])
    assert not same(first, two_epochs(seed=4))
    assert not same(first[:2], first[2:])


def test_albumentations_keep_the_positions_of_rows():
    a = pytest.importorskip("albumentations")
    steps = [a.PadIfNeeded(16, 22, fill_mask=255), a.VerticalFlip(p=1)]
    transform = AlbumentationsTransform(a.Compose([*steps, a.CenterCrop(16, 22)]))
    image, label = Sizes()[0]
    positions = row_positions(np.arange(12), 12)
    _, moved, rows = transform(image, label, (0, 1), positions)
    np.testing.assert_array_equal(rows[2:14], positions[::-1])
    np.testing.assert_array_equal(rows.numpy()[[0, 1, 14, 15]], 128)
    np.testing.assert_array_equal((moved.numpy() == 255).all(axis=1), rows == 128)


@pytest.mark.parametrize("nested", [False, True])
def test_albumentations_pad_with_large_values(nested):
    """Also labels whose own values are small."""
    albumentations = pytest.importorskip("albumentations")
    pad = albumentations.PadIfNeeded(16, 24, fill_mask=1000, p=1)
    transform = albumentations.OneOf([pad], p=1) if nested else pad
    transform = AlbumentationsTransform(albumentations.Compose([transform]))
    data = Sizes([(12, 16)] * 2)
    for _, labels in training_pipeline(data, 2, transform):
        assert set(np.unique(labels)) == {*range(10), 1000}


def test_albumentations_receive_float_images_in_0_to_1():
    a = pytest.importorskip("albumentations")
    transform = AlbumentationsTransform(a.Compose([a.InvertImg(p=1)]))
    image, label = Sizes(channels=4)[0]
    assert image.dtype == np.float32 and image.max() > 100
    inverted, _ = transform(image, label, (0, 1))
    np.testing.assert_allclose(inverted, 255 - image, atol=1e-3)


def test_albumentations_move_independent_classes_with_positions():
    a = pytest.importorskip("albumentations")
    transform = AlbumentationsTransform(a.Compose([a.VerticalFlip(p=1)]))
    image, label = Sizes()[0]
    masks = np.stack([label > 3, label > 5], axis=-1).astype("int32")
    positions = row_positions(np.arange(12), 12)
    _, moved, rows = transform(image, masks, (0, 1), positions)
    np.testing.assert_array_equal(moved, masks[::-1])
    np.testing.assert_array_equal(rows, positions[::-1])


@pytest.mark.parametrize("name", ["Normalize", "ToFloat"])
def test_albumentations_must_not_normalize(name):
    a = pytest.importorskip("albumentations")
    transform = AlbumentationsTransform(a.Compose([getattr(a, name)()]))
    image, label = Sizes()[0]
    with pytest.raises(ValueError, match="uint8 images.*: float32. Leave out A.Normal"):
        transform(image, label, (0, 1))
