import keras
import numpy as np
import pytest

from keras_seg.layers import TransposedConvNorm
from tests.checks import check_layer


def test_contract(tmp_path):
    layer = TransposedConvNorm(6, 3)
    check_layer(layer, (2, 4, 6, 5), (2, 12, 18, 6), (3, 2), tmp_path)


def test_custom_activation_and_biases(tmp_path):
    layer = TransposedConvNorm(6, 2, activation="tanh", use_bias=True)
    check_layer(layer, (2, 4, 6, 5), (2, 8, 12, 6), (4, 2), tmp_path)
    assert layer.get_config()["activation"] == "tanh"
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 5))
    assert -1 <= np.min(layer(x)) < 0


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_starts_as_bilinear_interpolation(scale):
    layer = TransposedConvNorm(6, scale, kernel_initializer="he_normal")
    x = np.random.default_rng(0).normal(size=(2, 5, 7, 4)).astype("float32")
    layer.build(x.shape)
    # The middle of the kernel, where bilinear interpolation is at a cell's center.
    size = layer.conv.kernel.shape[0]
    middle = keras.ops.convert_to_numpy(layer.conv.kernel)[size // 2, size // 2]
    peak = (1 - (0.5 / scale if size % 2 == 0 else 0)) ** 2
    mixed = x @ np.transpose(middle) / peak
    expected = keras.layers.UpSampling2D(scale, interpolation="bilinear")(mixed)
    result = keras.ops.convert_to_numpy(layer.conv(x))
    # At the border, cells outside count as 0, not as their neighbors.
    inside = np.s_[:, scale:-scale, scale:-scale]
    np.testing.assert_allclose(result[inside], np.array(expected)[inside], atol=1e-5)
    # The standard deviation of He initialization with 4 channels.
    assert 0.3 < np.std(middle) / peak < 1.2


@pytest.mark.parametrize("scale", [0, 1.5])
def test_rejects_bad_scales(scale):
    with pytest.raises(ValueError, match="scale"):
        TransposedConvNorm(4, scale)
