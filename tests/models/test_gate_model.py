import keras
import numpy as np
import pytest

from keras_seg.layers import StripPooling
from keras_seg.models import SPNet, gate_model
from tests.models.test_spnet import tiny_network


@pytest.fixture(scope="module")
def spnet():
    keras.utils.set_random_seed(0)
    return SPNet(3, tiny_network(), pool_sizes=(2, 1))


def strip_pooling_layers(model):
    nested = model.get_layer("backbone")
    return [layer for layer in nested.layers if isinstance(layer, StripPooling)]


def test_gates_are_what_the_layers_multiply_by(spnet):
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 96, 3)).astype("float32")
    gates = gate_model(spnet)(images)
    layers = strip_pooling_layers(spnet)
    assert layers and sorted(gates) == [f"gate{n + 1}" for n in range(len(layers))]
    backbone = spnet.get_layer("backbone")  # images of these sizes are not padded
    tensors = [(layer.input, layer.output) for layer in layers]
    ends = keras.Model(backbone.input, tensors)(images)
    for number, (before, after) in enumerate(ends, 1):
        arrays = gates[f"gate{number}"], before, after
        gate, before, after = map(keras.ops.convert_to_numpy, arrays)
        assert gate.shape == before.shape and 0 <= gate.min() <= gate.max() <= 1
        assert np.ptp(gate) > 0
        assert gate.mean() > 0.8, "a pretrained network loses its features"
        np.testing.assert_allclose(gate * before, after, atol=1e-5)


def test_of_layers_in_the_model_itself():
    image = keras.Input((None, None, 4))
    layer = StripPooling()
    model = keras.Model(image, layer(keras.layers.ReLU()(image)))
    x = np.random.default_rng(0).uniform(size=(1, 5, 7, 4)).astype("float32")
    gate = keras.ops.convert_to_numpy(gate_model(model)(x)["gate1"])
    np.testing.assert_allclose(
        gate * x, keras.ops.convert_to_numpy(model(x)), atol=1e-6
    )


def test_of_a_layer_that_is_called_twice():
    image = keras.Input((None, None, 3))
    layer = StripPooling()
    first = layer(image)
    model = keras.Model(image, {"first": first, "second": layer(first)})
    x = np.random.default_rng(0).uniform(size=(1, 5, 7, 3)).astype("float32")
    gates = gate_model(model)(x)
    assert sorted(gates) == ["gate1", "gate2"]
    one, two = (keras.ops.convert_to_numpy(model(x)[key]) for key in sorted(model(x)))
    gate = keras.ops.convert_to_numpy(gates["gate2"])
    np.testing.assert_allclose(gate * one, two, atol=1e-6)


def test_beside_a_model_without_a_graph():
    class Double(keras.Model):
        def call(self, x):
            return 2 * x

    image = keras.Input((None, None, 4))
    model = keras.Model(image, StripPooling()(Double()(image)))
    assert gate_model(model)(np.ones((1, 8, 12, 4)))["gate1"].shape == (1, 8, 12, 4)


def test_rejects_a_model_without_gates():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.ReLU()(inputs), name="plain")
    with pytest.raises(ValueError, match="StripPooling layers. Received: 'plain'"):
        gate_model(model)
