import keras
import numpy as np
import pytest
from keras import ops

from keras_seg.layers import BatchNormalization

on_tensorflow = pytest.mark.backend("tensorflow", "Keras's own layer on the others")


def pair(dtype="float32", shape=(None, None, None, 3), **options):
    """Returns our layer and Keras's with the same weights, not the initial ones."""
    rng = np.random.default_rng(1)
    options = {"momentum": 0.9, "epsilon": 1e-5, "dtype": dtype, **options}
    layers = BatchNormalization(**options), keras.layers.BatchNormalization(**options)
    for layer in layers:
        layer.build(shape)
    weights = [rng.uniform(0.5, 2, w.shape) for w in layers[0].weights]
    for layer in layers:
        layer.set_weights(weights)
    return layers


def image(*shape):
    values = np.random.default_rng(0).normal(3, 2, size=shape)
    return ops.convert_to_tensor(values.astype("float32"))


def assert_same(ours, theirs, x, training, atol=1e-4):
    from tests.gradients import output_and_gradients

    found = output_and_gradients(ours, x, training)
    expected = output_and_gradients(theirs, x, training)
    limits = [atol / 10] + [atol] * (len(found) - 1)
    for own, other, limit in zip(found, expected, limits, strict=True):
        assert own.dtype == other.dtype
        own, other = (np.asarray(ops.cast(a, "float32")) for a in (own, other))
        np.testing.assert_allclose(own, other, atol=limit, rtol=limit)
    for own, other in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(own.numpy(), other.numpy(), rtol=1e-5)


@on_tensorflow
@pytest.mark.keras3("Keras 2 has the fused op and its variance")
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"epsilon": 1e-3, "momentum": 0.99},
        {"momentum": 0.0},
        {"center": False, "scale": False},
        {"trainable": False},
        {"axis": 3},
        {"axis": 1, "shape": (None, 4, None, None)},
        {"dtype": "float64"},
    ],
)
def test_equals_keras_batch_norm(options, training):
    ours, theirs = pair(**options)
    assert_same(ours, theirs, image(2, 4, 5, 3), training)


@on_tensorflow
@pytest.mark.keras3("Keras 2 has the fused op and its variance")
@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_in_half_precision(dtype):
    ours, theirs = pair(dtype=dtype)
    x = ops.cast(image(2, 4, 5, 3), dtype.removeprefix("mixed_"))
    assert_same(ours, theirs, x, True, atol=0.1)
    assert {weight.dtype for weight in ours.weights} == {"float32"}


@on_tensorflow
@pytest.mark.keras3("Keras 2 has the fused op and its variance")
def test_the_batch_of_one_pixel_has_no_variance():
    ours, theirs = pair()
    x = image(1, 1, 1, 3)
    # Keras's own layer loses digits here, because it scales mean and `x` separately.
    np.testing.assert_allclose(ours(x, training=True)[0, 0], ours.beta[None], 1e-6)
    theirs(x, training=True)
    for own, other in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(own.numpy(), other.numpy(), rtol=1e-6)


@on_tensorflow
@pytest.mark.keras3("Keras 2 has the fused op and its variance")
def test_dynamic_shapes_and_xla():
    import tensorflow as tf

    x = image(2, 4, 5, 3)
    spec = tf.TensorSpec((None, None, None, 3))
    for options in ({"input_signature": [spec]}, {"jit_compile": True}):
        ours, theirs = pair()
        function = tf.function(lambda x, layer=ours: layer(x, training=True), **options)
        np.testing.assert_allclose(function(x), theirs(x, training=True), atol=1e-5)
        for own, other in zip(ours.weights, theirs.weights, strict=True):
            np.testing.assert_allclose(own.numpy(), other.numpy(), rtol=1e-5)


@on_tensorflow
@pytest.mark.keras3("Keras 2 has a variance of its own")
def test_statistics_are_those_of_all_replicas(two_replicas):
    x = image(4, 4, 5, 3)
    whole, _ = pair()
    expected = whole(x, training=True)
    with two_replicas.scope():
        layer, _ = pair(synchronized=True)
    shares = two_replicas.experimental_distribute_values_from_function(
        lambda context: x[2 * context.replica_id_in_sync_group :][:2]
    )
    outputs = two_replicas.run(lambda x: layer(x, training=True), args=(shares,))
    found = np.concatenate(two_replicas.experimental_local_results(outputs))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    for own, other in zip(layer.weights, whole.weights, strict=True):
        np.testing.assert_allclose(own.numpy(), other.numpy(), rtol=1e-4)


@on_tensorflow
def test_is_one_op():
    import tensorflow as tf

    layer, _ = pair()

    def ops_of(training):
        function = tf.function(lambda x: layer(x, training=training), autograph=False)
        graph = function.get_concrete_function(tf.TensorSpec((2, 4, 5, 3))).graph
        return [operation.type for operation in graph.get_operations()]

    for training in (False, True):
        assert ops_of(training).count("FusedBatchNormV3") == 1
    assert "Rsqrt" not in ops_of(False)


@pytest.mark.keras3("masks in Keras 3's way")
def test_ignores_masked_positions():
    ours, theirs = pair()
    x, mask = image(2, 2, 2, 3), np.array([[[1, 1], [0, 1]]] * 2, bool)
    found, expected = (y(x, training=True, mask=mask) for y in (ours, theirs))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_other_ranks():
    ours, theirs = BatchNormalization(), keras.layers.BatchNormalization()
    x = image(4, 5)
    np.testing.assert_allclose(ours(x, training=True), theirs(x, training=True), 1e-5)


def model(kind):
    inputs = keras.Input((None, None, 3))
    return keras.Model(inputs, kind()(inputs))


def test_loads_from_a_file(tmp_path):
    saved = model(BatchNormalization)
    saved.layers[-1].set_weights([np.full(3, value) for value in (2, 0.5, 0.25, 4)])
    saved.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[-1]) is BatchNormalization
    x = image(1, 4, 5, 3)
    np.testing.assert_allclose(loaded(x), saved(x), atol=1e-6)


def test_loads_weights_of_the_keras_layer(tmp_path):
    old, new = model(keras.layers.BatchNormalization), model(BatchNormalization)
    old.layers[-1].set_weights([np.full(3, value) for value in (2, 0.5, 0.25, 4)])
    old.save_weights(tmp_path / "old.weights.h5")
    new.load_weights(tmp_path / "old.weights.h5")
    for own, other in zip(new.get_weights(), old.get_weights(), strict=True):
        np.testing.assert_array_equal(own, other)
