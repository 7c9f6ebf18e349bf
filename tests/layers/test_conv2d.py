import keras
import numpy as np
import pytest
from keras import ops

from keras_seg.layers import Conv2D
from keras_seg.ops import convolution


def pair(dtype="float32", **options):
    """Returns our layer and Keras's with the same weights."""
    options = {"filters": 5, "kernel_size": 3, "dtype": dtype, **options}
    layers = Conv2D(**options), keras.layers.Conv2D(**options)
    for layer in layers:
        layer.build((None, None, None, 4))
    layers[1].set_weights(layers[0].get_weights())
    return layers


def image(*shape, dtype="float32"):
    values = np.random.default_rng(0).normal(size=shape)
    return ops.cast(ops.convert_to_tensor(values.astype("float32")), dtype)


def output_and_gradients(layer, x):
    from tests import gradients

    return gradients.output_and_gradients(layer, x)


@pytest.mark.backend("tensorflow", "Keras's own layer on the others")
@pytest.mark.parametrize(
    "options",
    [
        {"dilation_rate": 4, "padding": "same"},
        {"dilation_rate": 5, "padding": "valid"},
        {"dilation_rate": (1, 6), "padding": "same", "kernel_size": (3, 5)},
        {"dilation_rate": 4, "padding": "same", "kernel_size": (2, 4)},
        {"dilation_rate": 40, "padding": "same", "activation": "relu"},
        {"dilation_rate": (2, 3), "padding": "same"},
        {"dilation_rate": 2, "padding": "valid"},
        {"dilation_rate": 4, "padding": "same", "groups": 2, "filters": 6},
        {"strides": 2},
        {"kernel_size": 1, "activation": "relu"},
        {"kernel_size": 1, "strides": 2},
        {"kernel_size": 1, "groups": 2, "filters": 6},
    ],
)
def test_equals_keras_convolution(options):
    x = image(2, 13, 17, 4)
    ours, theirs = (output_and_gradients(layer, x) for layer in pair(**options))
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-5)
    for own, other in zip(ours[1:], theirs[1:], strict=True):
        np.testing.assert_allclose(own, other, atol=1e-4, rtol=1e-4)


@pytest.fixture(params=[True, False])
def onednn(request, monkeypatch):
    """With and without oneDNN, where small maps count as large ones."""
    monkeypatch.setattr(convolution, "is_onednn_on", lambda: request.param)
    monkeypatch.setattr(convolution, "_MANY_CHANNELS", 4)
    monkeypatch.setattr(convolution, "_LARGE_MAP", 13 * 17 * 4)
    return request.param


@pytest.mark.backend("tensorflow", "Keras's own layer on the others")
@pytest.mark.parametrize(
    "options", [{}, {"kernel_size": (5, 3), "activation": "relu"}, {"kernel_size": 7}]
)
def test_large_maps_equal_keras_convolution(options, onednn, monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "get_visible_devices", lambda *_: [])
    ours, theirs = pair(padding="same", **options)
    x = image(3, 13, 17, 4)
    step = tf.function(lambda x: output_and_gradients(ours, x), autograph=False)
    graph = step.get_concrete_function(tf.TensorSpec((None, 13, 17, 4))).graph
    kinds = {operation.type for operation in graph.get_operations()}
    assert ("Conv2DBackpropFilter" in kinds) != onednn
    for own, other in zip(step(x), output_and_gradients(theirs, x), strict=True):
        np.testing.assert_allclose(own, other, atol=1e-4, rtol=1e-4)


@pytest.mark.backend("tensorflow", "Keras's own layer on the others")
@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"strides": 2}, (13, 17)),
        ({"padding": "valid"}, (13, 17)),
        ({"filters": 3}, (13, 17)),
        ({"kernel_size": 4}, (13, 17)),
        ({}, (12, 17)),
        ({}, (None, 17)),
    ],
)
def test_other_convolutions_keep_their_gradient(options, shape, onednn):
    import tensorflow as tf

    layer, _ = pair(**{"padding": "same", **options})
    step = tf.function(lambda x: output_and_gradients(layer, x), autograph=False)
    graph = step.get_concrete_function(tf.TensorSpec((None, *shape, 4))).graph
    kinds = {operation.type for operation in graph.get_operations()}
    assert "Conv2DBackpropFilter" in kinds


@pytest.mark.backend("tensorflow", "Keras's own layer on the others")
@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_in_half_precision(dtype):
    x = image(2, 9, 9, 4)
    ours, _ = pair(dtype=dtype, dilation_rate=4, padding="same")
    _, theirs = pair(dilation_rate=4, padding="same")
    theirs.set_weights(ours.get_weights())
    found, expected = output_and_gradients(ours, x), output_and_gradients(theirs, x)
    for own, other in zip(found, expected, strict=True):
        own = ops.convert_to_numpy(ops.cast(own, "float32"))
        np.testing.assert_allclose(own, other, atol=0.03 * np.abs(other).max())


@pytest.mark.backend("tensorflow", "TensorFlow's op")
def test_has_no_batches_of_smaller_maps():
    import tensorflow as tf

    ours, theirs = pair(dilation_rate=4, padding="same")

    def ops_of(layer):
        spec = tf.TensorSpec((None, None, None, 4))
        graph = tf.function(layer).get_concrete_function(spec).graph
        return {operation.type for operation in graph.get_operations()}

    assert "SpaceToBatchND" in ops_of(theirs)
    assert "SpaceToBatchND" not in ops_of(ours)


@pytest.mark.backend("tensorflow", "sizes that are known at run time")
@pytest.mark.parametrize("size, rate", [(3, 2), (3, 4), (1, 1)])
def test_gradients_with_dynamic_shapes_and_xla(size, rate):
    import tensorflow as tf

    layer, _ = pair(kernel_size=size, dilation_rate=rate, padding="same")
    x = image(2, 6, 11, 4)

    def run(x):
        return output_and_gradients(layer, x)

    spec = tf.TensorSpec((None, None, None, 4))
    dynamic = tf.function(run, input_signature=[spec], autograph=False)
    compiled = tf.function(run, jit_compile=True, autograph=False)
    for function in (dynamic, compiled):
        for found, expected in zip(function(x), run(x), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-4, rtol=1e-4)


def test_loads_from_a_file(tmp_path):
    inputs = keras.Input((None, None, 4))
    layer = Conv2D(3, 3, dilation_rate=4, padding="same")
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[-1]) is Conv2D
    x = image(1, 9, 8, 4)
    np.testing.assert_allclose(loaded(x), model(x), atol=1e-6)


def test_loads_weights_of_the_keras_layer(tmp_path):
    def model(kind):
        inputs = keras.Input((None, None, 4))
        return keras.Model(inputs, kind(3, 3, dilation_rate=4)(inputs))

    old, new = model(keras.layers.Conv2D), model(Conv2D)
    old.save_weights(tmp_path / "old.weights.h5")
    new.load_weights(tmp_path / "old.weights.h5")
    for own, other in zip(new.get_weights(), old.get_weights(), strict=True):
        np.testing.assert_array_equal(own, other)
