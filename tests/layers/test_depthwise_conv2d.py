import keras
import numpy as np
import pytest
from keras import ops

from keras_seg.layers import DepthwiseConv2D
from keras_seg.ops import convolution

on_tensorflow = pytest.mark.backend("tensorflow", "Keras's own layer on the others")


def pair(**options):
    """Returns our layer and Keras's with the same weights."""
    options = {"kernel_size": 3, "padding": "same", **options}
    layers = DepthwiseConv2D(**options), keras.layers.DepthwiseConv2D(**options)
    for layer in layers:
        layer.build((None, None, None, 4))
    layers[1].set_weights(layers[0].get_weights())
    return layers


def image(*shape):
    values = np.random.default_rng(0).normal(size=shape)
    return ops.convert_to_tensor(values.astype("float32"))


def output_and_gradients(layer, x):
    from tests import gradients

    return gradients.output_and_gradients(layer, x)


def assert_same(found, expected):
    for own, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(own, other, atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(found[0], expected[0], atol=1e-5)


@on_tensorflow
@pytest.mark.parametrize(
    "options",
    [
        {"dilation_rate": 2},
        {"dilation_rate": (3, 2), "kernel_size": (3, 5), "depth_multiplier": 2},
        {"dilation_rate": 20, "activation": "relu"},
        {"dilation_rate": (4, 6), "kernel_size": (3, 5)},
        {"dilation_rate": 2, "kernel_size": 4},
        {"dilation_rate": 3, "padding": "valid"},
        {"strides": 2, "use_bias": False},
    ],
)
def test_equals_keras_convolution(options):
    x = image(2, 13, 17, 4)
    assert_same(*(output_and_gradients(layer, x) for layer in pair(**options)))


LARGE_KERNELS = [
    {"kernel_size": 5},
    {"kernel_size": (7, 5), "use_bias": False},
    {"kernel_size": 5, "dilation_rate": 2},
]


@on_tensorflow
@pytest.mark.parametrize(
    "options",
    [
        *LARGE_KERNELS,
        {"kernel_size": 5, "dilation_rate": (3, 2)},
        {"kernel_size": 5, "dilation_rate": 4},
        {"kernel_size": 6},
        {"kernel_size": 5, "padding": "valid"},
        {"kernel_size": 5, "strides": 2},
        {"kernel_size": 5, "depth_multiplier": 2},
    ],
)
@pytest.mark.parametrize("onednn", [True, False])
def test_large_kernels_equal_keras_convolution(options, onednn, monkeypatch):
    monkeypatch.setattr(convolution, "is_onednn_on", lambda: onednn)
    x = image(3, 13, 10, 4)
    assert_same(*(output_and_gradients(layer, x) for layer in pair(**options)))


@on_tensorflow
@pytest.mark.parametrize("options", LARGE_KERNELS)
@pytest.mark.parametrize("onednn", [True, False])
def test_gradient_of_large_kernels_avoids_only_onednn(options, onednn, monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(convolution, "is_onednn_on", lambda: onednn)
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda *_: [])
    layer, _ = pair(**options)
    step = tf.function(lambda x: output_and_gradients(layer, x), autograph=False)
    graph = step.get_concrete_function(tf.TensorSpec((None, 8, 9, 4))).graph
    kinds = {operation.type for operation in graph.get_operations()}
    assert ("DepthwiseConv2dNativeBackpropFilter" in kinds) != onednn


@on_tensorflow
@pytest.mark.parametrize(
    "options", [{"dilation_rate": 4}, {"kernel_size": 5, "dilation_rate": 2}]
)
def test_dynamic_shapes_and_xla(options, monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(convolution, "is_onednn_on", lambda: True)
    ours, theirs = pair(**options)
    x = image(2, 6, 11, 4)
    expected = output_and_gradients(theirs, x)
    spec = tf.TensorSpec((None, None, None, 4))
    for options in ({"input_signature": [spec]}, {"jit_compile": True}):
        function = tf.function(
            lambda x: output_and_gradients(ours, x), autograph=False, **options
        )
        assert_same(function(x), expected)


@on_tensorflow
def test_in_half_precision():
    ours, theirs = pair(dilation_rate=2, dtype="mixed_float16")
    x = image(1, 6, 7, 4)
    assert keras.backend.standardize_dtype(ours(x).dtype) == "float16"
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-2)


def test_keeps_the_shape_and_loads_from_a_file(tmp_path):
    inputs = keras.Input((None, 9, 4))
    model = keras.Model(inputs, DepthwiseConv2D(3, 1, "same", dilation_rate=2)(inputs))
    assert tuple(model.output.shape) == (None, None, 9, 4)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[-1]) is DepthwiseConv2D
    x = image(1, 8, 9, 4)
    np.testing.assert_allclose(loaded(x), model(x), atol=1e-6)
