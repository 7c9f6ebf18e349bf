import keras
import numpy as np
import pytest
from keras import ops

from keras_seg.layers import StripPooling
from tests.checks import check_layer


@pytest.mark.parametrize("bias", ["zeros", keras.initializers.Constant(3.0)])
def test_contract(tmp_path, bias):
    layer = StripPooling(bias_initializer=bias)
    check_layer(layer, (2, 6, 5, 3), (2, 6, 5, 3), (8, 4), tmp_path)


def test_matches_the_equations():
    """Equations 1 to 4 of the paper in NumPy loops, with the released norms."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 6, 5, 3)).astype("float32")
    layer = StripPooling()
    layer.build(x.shape)
    for weight in layer.weights:
        positive = "variance" in weight.path
        value = rng.normal(size=weight.shape)
        weight.assign(np.abs(value) + 0.5 if positive else value)

    def norm(values, norm):
        gamma, beta, mean, variance = (ops.convert_to_numpy(w) for w in norm.weights)
        return gamma * (values - mean) / np.sqrt(variance + 1e-5) + beta

    def convolve(strip, taps):  # strip (batch, n, channels), taps (3, in, out)
        padded = np.pad(strip, [(0, 0), (1, 1), (0, 0)])
        return sum(padded[:, k : k + strip.shape[1]] @ taps[k] for k in range(3))

    rows = convolve(x.mean(axis=2), ops.convert_to_numpy(layer.row_conv.kernel)[:, 0])
    columns = convolve(
        x.mean(axis=1), ops.convert_to_numpy(layer.column_conv.kernel)[0]
    )
    rows, columns = norm(rows, layer.row_norm), norm(columns, layer.column_norm)
    y = np.maximum(rows[:, :, None] + columns[:, None, :], 0)
    kernel, bias = (ops.convert_to_numpy(w) for w in layer.gate_conv.weights)
    expected = x / (1 + np.exp(-(y @ kernel[0, 0] + bias)))
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, atol=1e-5)


def test_a_high_bias_opens_the_gate():
    layer = StripPooling(bias_initializer=keras.initializers.Constant(100.0))
    x = ops.convert_to_numpy(keras.random.normal((2, 6, 5, 3), seed=0))
    for opened in (layer, StripPooling.from_config(layer.get_config())):
        np.testing.assert_array_equal(ops.convert_to_numpy(opened(x)), x)


def test_returns_the_gate_too():
    x = keras.random.normal((2, 6, 5, 3), seed=0)
    layer = StripPooling(return_gate=True)
    out, gate = layer(x)
    plain = StripPooling.from_config(layer.get_config() | {"return_gate": False})
    plain.build(x.shape)
    plain.set_weights(layer.get_weights())
    np.testing.assert_array_equal(*map(ops.convert_to_numpy, (plain(x), out)))
    np.testing.assert_allclose(*map(ops.convert_to_numpy, (out, gate * x)), rtol=1e-6)
    assert layer.compute_output_shape(x.shape) == (x.shape, x.shape)


def test_weights_of_the_paper():
    """Each has 7 C^2 + 5 C parameters without moving statistics."""
    layer = StripPooling()
    layer.build((None, None, None, 64))
    assert sum(w.numpy().size for w in layer.trainable_weights) == 7 * 64**2 + 5 * 64


def test_rejects_unknown_channels_and_ranks():
    with pytest.raises(ValueError, match="channels, must be known"):
        StripPooling().build((None, 4, 4, None))
    with pytest.raises(ValueError, match="expected ndim=4"):
        StripPooling()(ops.ones((2, 4, 3)))


def test_rejects_channels_first():
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match="image_data_format='channels_first'"):
            StripPooling()
    finally:
        keras.config.set_image_data_format("channels_last")
