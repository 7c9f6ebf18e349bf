import numpy as np
from keras import ops

from keras_seg.layers import SeparableConvNorm
from tests.checks import check_layer


def test_contract(tmp_path):
    check_layer(SeparableConvNorm(4, 3), (2, 6, 5, 3), (2, 6, 5, 4), (6, 4), tmp_path)


def test_custom_activation_and_biases(tmp_path):
    layer = SeparableConvNorm(4, 3, activation=None, use_bias=True)
    check_layer(layer, (2, 6, 5, 3), (2, 6, 5, 4), (8, 4), tmp_path)
    assert SeparableConvNorm(4, 3, activation="elu").get_config()["activation"] == "elu"
    x = np.random.default_rng(0).normal(size=(2, 6, 5, 3))
    assert np.min(layer(x)) < 0


def test_matches_the_formula():
    """A dilated depthwise convolution, ReLU, a 1x1 convolution, ReLU."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 6, 5, 3)).astype("float32")
    layer = SeparableConvNorm(4, 3, dilation_rate=2)
    layer.build(x.shape)
    padded = np.pad(x, [(0, 0), (2, 2), (2, 2), (0, 0)])
    kernel = ops.convert_to_numpy(layer.depthwise.kernel)[..., 0]
    y = sum(
        padded[:, 2 * i : 2 * i + 6, 2 * j : 2 * j + 5] * kernel[i, j]
        for i, j in np.ndindex(3, 3)
    )
    y = np.maximum(y / np.sqrt(1 + 1e-5), 0)
    y = y @ ops.convert_to_numpy(layer.pointwise.conv.kernel)[0, 0]
    expected = np.maximum(y / np.sqrt(1 + 1e-5), 0)
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)
