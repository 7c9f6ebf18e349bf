import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seg.layers import SubPixelUpsample
from tests.checks import check_layer


def test_contract(tmp_path):
    check_layer(SubPixelUpsample(3, 5), (2, 4, 6, 7), (2, 12, 18, 5), (2, 0), tmp_path)
    check_layer(SubPixelUpsample(), (2, 4, 6, 7), (2, 8, 12, 7), (2, 0), tmp_path)


def test_the_channels_of_a_cell_become_its_pixels():
    layer = SubPixelUpsample(2, 3)
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 6)).astype("float32")
    layer.build(x.shape)
    kernel = np.random.default_rng(1).normal(size=layer.conv.kernel.shape)
    layer.conv.kernel.assign(kernel)
    expected = tf.nn.depth_to_space(np.array(layer.conv(x)), 2)
    np.testing.assert_array_equal(layer(x), expected)


@pytest.mark.parametrize("initializer", ["he_normal", "glorot_uniform"])
def test_starts_without_checkerboards(initializer):
    """It starts as nearest-neighbor upsampling of one convolution."""
    layer = SubPixelUpsample(2, 64, kernel_initializer=initializer)
    x = np.random.default_rng(0).normal(size=(1, 4, 5, 32)).astype("float32")
    result = keras.ops.convert_to_numpy(layer(x))
    np.testing.assert_array_equal(result, result[:, ::2, ::2].repeat(2, 1).repeat(2, 2))
    own = np.array(keras.initializers.get(initializer)((3, 3, 32, 64)))
    kernel = np.array(layer.conv.kernel)[..., :64]
    assert np.isclose(np.std(kernel), np.std(own), rtol=0.05)


@pytest.mark.parametrize("scale", [0, 1.5])
def test_rejects_bad_scales(scale):
    with pytest.raises(ValueError, match="scale"):
        SubPixelUpsample(scale)


def test_channels_must_be_known():
    with pytest.raises(ValueError, match="must be known"):
        SubPixelUpsample().build((None, 4, 4, None))


@pytest.mark.parametrize("filters", [0, -1, 2.5])
def test_rejects_bad_filters(filters):
    with pytest.raises(ValueError, match="`filters` must be a positive integer"):
        SubPixelUpsample(2, filters)
