"""Image operations of tensorflow-addons in the pipeline, and its own binaries."""

import math

import numpy as np
import pytest
import tensorflow as tf

from keras_seg.data import Augmentation, StreetScenes, training_pipeline

tfa = pytest.importorskip(
    "tensorflow_addons", reason="tensorflow-addons is not installed"
)


def turned(image, label, angle):
    """Both by one angle: the image bilinearly, the label by nearest neighbors."""
    rotate = tfa.image.rotate
    image = rotate(image, angle, "bilinear", "constant", fill_value=124.0)
    label = rotate(label[..., None], angle, "nearest", "constant", fill_value=255.0)
    return image, label[..., 0]


class Rotation:
    """As docs/guides/addons.md shows: an `Augmentation` and then tensorflow-addons."""

    def __init__(self, crop_size):
        self.augment = Augmentation(crop_size)

    def __call__(self, image, label, seed):
        image, label = self.augment(image, label, seed)
        angle = tf.random.stateless_uniform((), seed, -0.2, 0.2)
        image, label = turned(image, label, angle)
        image = tfa.image.mean_filter2d(image, 3)
        image = tfa.image.sharpness(image, 1.5)
        return image, label


def test_in_the_pipeline():
    data = StreetScenes(4)
    batches = list(training_pipeline(data, 2, Rotation((48, 64))))
    again = list(training_pipeline(data, 2, Rotation((48, 64))))
    assert len(batches) == 2
    for (images, labels), (others, _) in zip(batches, again, strict=True):
        assert images.shape == (2, 48, 64, 3) and labels.shape == (2, 48, 64)
        assert labels.dtype == tf.int32
        assert 0 <= images.numpy().min() and images.numpy().max() <= 255
        assert set(np.unique(labels)) <= {*range(data.num_classes), 255}
        np.testing.assert_array_equal(images, others)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_labels_are_turned_as_images(quarters):
    rng = np.random.default_rng(0)
    label = rng.integers(0, 5, (17, 17)).astype("int32")
    image = np.repeat(label[..., None], 3, -1).astype("float32")
    images, labels = turned(image, label, quarters * math.pi / 2)
    np.testing.assert_array_equal(labels, np.rot90(label, quarters))
    np.testing.assert_allclose(images[..., 0], labels, atol=1e-3)


def test_its_binaries_load():
    """`resampler` is a kernel of its own, in a library beside TensorFlow's."""
    rng = np.random.default_rng(0)
    image = rng.normal(size=(1, 6, 7, 2)).astype("float32")
    places = rng.uniform(0, 5, (1, 9, 2)).astype("float32")
    found = tfa.image.resampler(image, places)
    for place, value in zip(places[0], found[0], strict=True):
        column, row = np.floor(place).astype(int)
        right, down = place - (column, row)
        block = image[0, row : row + 2, column : column + 2]
        weights = np.outer([1 - down, down], [1 - right, right])
        expected = np.tensordot(weights, block, 2)
        np.testing.assert_allclose(value, expected, atol=1e-5)
