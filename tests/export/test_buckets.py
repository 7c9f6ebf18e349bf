import numpy as np
import pytest
import tensorflow as tf

from keras_seg.export.buckets import pad_to_bucket

BUCKETS = [(40, 60), (16, 60), (16, 20)]


@pytest.mark.parametrize(
    ("size", "bucket"),
    [
        ((16, 20), (16, 20)),
        ((1, 1), (16, 20)),
        ((16, 21), (16, 60)),
        ((17, 5), (40, 60)),
        ((40, 60), (40, 60)),
    ],
)
def test_images_are_padded_to_the_smallest_that_fits(size, bucket):
    images = np.random.default_rng(0).integers(0, 256, (2, *size, 3), dtype="uint8")
    missing = [(0, full - own) for full, own in zip(bucket, size, strict=True)]
    expected = np.pad(images, [(0, 0), *missing, (0, 0)], mode="edge")
    padded = tf.function(lambda x: pad_to_bucket(x, BUCKETS, 10**6))(images)
    np.testing.assert_array_equal(padded, expected)


@pytest.mark.parametrize("size", [(41, 10), (10, 61)])
def test_larger_images_are_an_invalid_argument_that_tells_the_sizes(size):
    with pytest.raises(tf.errors.InvalidArgumentError, match="16x20, 16x60, 40x60"):
        pad_to_bucket(tf.zeros((1, *size, 3)), BUCKETS, 10**6)


def test_padding_is_limited_too():
    assert pad_to_bucket(tf.zeros((2, 1, 1, 3)), BUCKETS, 640).shape == (2, 16, 20, 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most 639 pixels"):
        pad_to_bucket(tf.zeros((2, 1, 1, 3)), BUCKETS, 639)
