import itertools

import keras
import numpy as np
import pytest
from keras import ops

from keras_seg.backbones.graph import flatten
from keras_seg.layers import BatchNormalization, Conv2D, ConvNorm
from keras_seg.losses import SegmentationCrossentropy
from keras_seg.training import SGD, rematerialize, synchronize_batch_norm
from keras_seg.training.graph_parts import split

CLASSES = 3
keras3 = pytest.mark.keras3("`rematerialize` needs `keras.remat`")
on_tensorflow = pytest.mark.backend("tensorflow", "graphs and strategies")


def backbone(blocks=3):
    """Returns residual blocks with dropout; one map of them is an output too."""
    image = keras.Input((None, None, 3))
    x = maps = Conv2D(6, 3, padding="same", name="stem")(image)
    for block in range(blocks):
        y = BatchNormalization(momentum=0.5)(x)
        y = keras.layers.ReLU()(y)
        y = keras.layers.Dropout(0.4, seed=block)(y)
        y = ConvNorm(12, 3)(y)
        y = keras.layers.Conv2D(6, 3, padding="same")(y)
        x = x + y if block % 2 else keras.layers.Add()([x, y])
        maps = x if block == 1 else maps
    return keras.Model(image, {"fine": maps, "coarse": x}, name="backbone")


def network():
    keras.utils.set_random_seed(0)
    image = keras.Input((None, None, 3))
    maps = backbone()(image)
    logits = keras.layers.Conv2D(CLASSES, 1, dtype="float32")(
        maps["fine"] - maps["coarse"]
    )
    return keras.Model(image, logits)


def batches(count=3, images=4):
    rng = np.random.default_rng(0)
    shape = (count * images, 8, 9)
    return (
        rng.normal(size=(*shape, 3)).astype("float32"),
        rng.integers(0, CLASSES, shape, "int32"),
    )


def trained(model, **options):
    """Returns the losses of a few steps, and the variables after them."""
    images, labels = batches()
    model.compile(SGD(0.1, momentum=0.9), SegmentationCrossentropy(), **options)
    history = model.fit(
        images, labels, batch_size=4, epochs=2, shuffle=False, verbose=0
    )
    variables = model.trainable_variables + model.non_trainable_variables
    return history.history["loss"], [ops.convert_to_numpy(v) for v in variables]


def assert_same(found, expected, tolerance=1e-5):
    np.testing.assert_allclose(found[0], expected[0], rtol=tolerance)
    for ours, plain in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(ours, plain, rtol=tolerance, atol=tolerance)


@keras3
@pytest.mark.parametrize("eagerly", [False, True])
def test_training_is_the_same(eagerly):
    options = {"run_eagerly": eagerly, "jit_compile": False}
    expected = trained(network(), **options)
    model = network()
    assert rematerialize(model.get_layer("backbone")) > 1
    assert_same(trained(model, **options), expected)


@keras3
def test_training_is_the_same_with_xla_and_in_half_precision():
    if keras.backend.backend() == "torch":
        pytest.skip("slow to compile, and without half precision on CPUs")
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        results = []
        for remat in (False, True):
            model = network()
            if remat:
                rematerialize(model.get_layer("backbone"))
            results.append(trained(model, jit_compile=True))
    finally:
        keras.config.set_dtype_policy("float32")
    assert_same(*results, 2e-2)


@keras3
@on_tensorflow
def test_training_on_two_replicas_is_the_same(two_replicas):
    results = []
    for remat in (False, True):
        with two_replicas.scope():
            model = network()
            for layer in model.get_layer("backbone").layers:
                if isinstance(layer, keras.layers.Dropout):
                    layer.rate = 0.0  # the order in which replicas draw is not fixed
        assert synchronize_batch_norm(model) == 6
        if remat:
            rematerialize(model.get_layer("backbone"))
        with two_replicas.scope():
            results.append(trained(model, jit_compile=False))
    assert_same(*results)


@keras3
@on_tensorflow
def test_the_gradient_computes_the_maps_again():
    import tensorflow as tf

    model = backbone()
    rematerialize(model)

    def step(images):
        with tf.GradientTape() as tape:
            maps = model(images, training=True)
            total = sum(tf.reduce_sum(x) for x in maps.values())
        return tape.gradient(total, [v.value for v in model.trainable_variables])

    images, _ = batches(1)
    graph = tf.function(step, autograph=False).get_concrete_function(images).graph
    kinds = [operation.type for operation in graph.get_operations()]
    assert kinds.count("Conv2D") == 2 * 7


@keras3
def test_inference_and_files_are_the_same(tmp_path):
    images, _ = batches(1)
    model = network()
    expected = ops.convert_to_numpy(model(images))
    rematerialize(model.get_layer("backbone"))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for other in (model, loaded, keras.models.clone_model(model)):
        other.set_weights(model.get_weights())
        np.testing.assert_allclose(
            ops.convert_to_numpy(other(images)), expected, atol=1e-6
        )
    assert [x.name for x in loaded.layers] == [x.name for x in model.layers]


@keras3
def test_frozen_layers_stay_as_they_are():
    model = network()
    part = model.get_layer("backbone")
    rematerialize(part)
    part.trainable = False
    before = part.get_weights()
    trained(model)
    for weight, initial in zip(part.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, initial)


@keras3
@pytest.mark.parametrize("blocks", [1, 4])
def test_split_keeps_little(blocks):
    """Compares the split with all others."""
    graph = flatten(backbone(blocks))
    specs = graph.specs()

    def cost(parts):
        kept, largest = 0, 0
        for index, part in enumerate(parts):
            outputs = [tensor for call in part for tensor in call.outputs]
            sizes = [np.prod(specs[id(tensor)].shape) for tensor in outputs]
            largest = max(largest, sum(sizes))
            later = [x for rest in parts[index + 1 :] for c in rest for x in c.inputs]
            passed = {
                id(tensor)
                for earlier in parts[: index + 1]
                for call in earlier
                for tensor in call.outputs
                if any(tensor is other for other in later)
            }
            if len(passed) > 1:
                return float("inf")
            kept += sum(np.prod(specs[tensor].shape) for tensor in passed)
        return kept + largest

    found = split(graph)
    assert [call for part in found for call in part] == graph.calls
    # All calls of a block are joined, as only splits between blocks are possible.
    units = [[]]
    for call in graph.calls:
        units[-1].append(call)
        if "add" in type(call.operation).__name__.lower() or call.name == "stem":
            units.append([])
    units = [unit for unit in units if unit]
    costs = []
    for choice in itertools.product([False, True], repeat=len(units) - 1):
        parts = [list(units[0])]
        for cut, unit in zip(choice, units[1:], strict=True):
            parts = [*parts, list(unit)] if cut else [*parts[:-1], parts[-1] + unit]
        costs.append(cost(parts))
    assert cost(found) <= 1.2 * min(costs)


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


def two_inputs():
    inputs = [keras.Input((4, 4, 1)), keras.Input((4, 4, 1))]
    return keras.Model(inputs, keras.layers.Add()(inputs))


def regularized():
    image = keras.Input((4, 4, 1))
    layer = keras.layers.Conv2D(2, 1, activity_regularizer="l2", name="regular")
    return keras.Model(image, layer(image))


@keras3
@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Subclassed(name="mine"), "one input. Received: Subclassed 'mine'"),
        (lambda: keras.layers.ReLU(name="relu"), "one input. Received: ReLU 'relu'"),
        (two_inputs, "must be a functional model with one input"),
        (regularized, "layer 'regular' with an `activity_regularizer`"),
    ],
)
def test_unsupported_models_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        rematerialize(build())


def test_keras_without_remat_is_refused(monkeypatch):
    monkeypatch.delattr(keras, "remat", raising=False)
    with pytest.raises(RuntimeError, match="needs `keras.remat`, .* from 3.9 on"):
        rematerialize(two_inputs())
