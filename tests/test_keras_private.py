"""Private parts of Keras that the package reads exist, and one file reads them."""

import re

import keras
import numpy as np
import pytest

from keras_seg import _keras_private
from tests.paths import ROOT

BatchNormalization = keras.layers.BatchNormalization
OPTIMIZERS = (keras.optimizers.SGD, keras.optimizers.AdamW)


def network():
    image = keras.Input((4, 4, 3))
    return keras.Model(image, keras.layers.ReLU()(keras.layers.Conv2D(2, 1)(image)))


def function():
    model = network()
    return keras.Function(model.inputs, model.outputs)


def averaging():
    optimizer = keras.optimizers.SGD(use_ema=True)
    optimizer.build([keras.Variable(0.0)])
    return optimizer


# What is private, an object that must have it, and what it is read for.
NEEDED = {
    "_nodes_by_depth": (function, "the calls of a keras.Function"),
    "_flatten_layers": (network, "the layers within a layer"),
    "_call_has_training_arg": (network, "whether a layer takes `training`"),
    "_output_shape": (lambda: keras.layers.Lambda(abs, (3,)), "copies of a Lambda"),
    "_moments": (BatchNormalization, "batch norm over replicas"),
    "_reduction_axes": (lambda: built(BatchNormalization()), "batch norm's axes"),
    "_symbolic_build": (network, "whether fit draws a batch to build a model"),
    "_initial_epoch": (network, "fit that goes on at an epoch"),
    "_model_variables_moving_average": (averaging, "moving averages of weights"),
    "_get_variable_index": (keras.optimizers.SGD, "optimizers with groups"),
    "_use_weight_decay": (keras.optimizers.SGD, "optimizers with groups"),
    "_apply_weight_decay": (keras.optimizers.SGD, "optimizers with groups"),
}


def built(layer):
    layer.build((None, 4, 6, 3))
    return layer


@pytest.mark.keras3("these are what the lane supplies to Keras 2")
@pytest.mark.parametrize("name", NEEDED)
def test_keras_has_it_still(name):
    make, purpose = NEEDED[name]
    if not hasattr(make(), name):
        pytest.fail(
            f"Keras {keras.__version__} has no `{name}` any more, by which "
            f"keras_seg/_keras_private.py reads {purpose}: find what replaces it there."
        )


def test_no_other_file_reads_it():
    names = "|".join(NEEDED)
    # Definitions of these names override Keras's, as documented there.
    reading = re.compile(rf"(?<!self)\.({names})\b|keras\.src")
    package = ROOT / "keras_seg"
    found = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        if reading.search(path.read_text())
    }
    assert found <= {"_keras_private.py", "_keras2"}


def test_calls_are_in_an_order_in_which_they_can_run():
    graph = function()
    kinds = [type(operation) for operation, _, _ in _keras_private.calls(graph)]
    assert kinds == [keras.layers.Conv2D, keras.layers.ReLU]
    *_, (_, (args, _), outputs) = _keras_private.calls(graph)
    assert args[0].shape == outputs[0].shape == (None, 4, 4, 2)


def test_layers_within_are_found_at_every_depth():
    inner = network()
    model = keras.Model(inner.input, inner(inner.input))
    found = _keras_private.layers_within(model)
    assert {id(model), id(inner), *map(id, inner.layers)} <= {*map(id, found)}


def test_whether_a_layer_takes_training():
    assert _keras_private.takes_training(keras.layers.Dropout(0.5))
    assert not _keras_private.takes_training(keras.layers.ReLU())


@pytest.mark.keras3("the lane has a batch norm of its own")
def test_moments_can_be_replaced():
    norm = built(BatchNormalization(epsilon=0.0))
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 3)).astype("float32")
    mean, variance = _keras_private.own_moments(norm, keras.ops.array(x), None)
    np.testing.assert_allclose(mean, x.mean(axis=(0, 1, 2)), atol=1e-5)
    np.testing.assert_allclose(variance, x.var(axis=(0, 1, 2)), rtol=1e-4)
    assert tuple(_keras_private.moments_axes(norm)) == (0, 1, 2)
    _keras_private.replace_moments(
        norm, lambda inputs, mask: (keras.ops.ones(3), 4 * keras.ops.ones(3))
    )
    np.testing.assert_allclose(norm(x, training=True), (x - 1) / 2, atol=1e-5)


@pytest.mark.keras3("Keras 2 builds its optimizers otherwise")
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizers_know_their_variables(optimizer):
    model = network()
    optimizer = optimizer(weight_decay=0.1)
    optimizer.build(model.trainable_variables)
    optimizer.exclude_from_weight_decay(var_list=[model.trainable_variables[1]])
    for index, variable in enumerate(model.trainable_variables):
        assert _keras_private.variable_index(optimizer, variable) == index
        assert _keras_private.is_decayed(optimizer, variable) == (index == 0)
