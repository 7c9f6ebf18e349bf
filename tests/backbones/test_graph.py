"""Networks opened to a flat list of calls."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_seg.backbones import feature_pyramid, level_info
from keras_seg.backbones.graph import flatten
from tests.backbones import networks


class Block(layers.Layer):
    """A composite layer as libraries have them: sublayers, and `call` by hand."""

    def __init__(self, filters, strides=1, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.strides = strides
        self.first = layers.Conv2D(filters, 3, strides, padding="same")
        self.norm = layers.BatchNormalization(name="normalize")
        self.drop = layers.Dropout(0.5)
        self.second = keras.Sequential(
            [layers.Conv2D(filters, 3, padding="same"), layers.ReLU()]
        )

    def call(self, x, training=None):
        x = self.norm(self.first(x), training=training)
        x = self.drop(x, training=training)
        return x + self.second(x)

    def get_config(self):
        return super().get_config() | {"filters": self.filters, "strides": self.strides}


class OtherInTraining(Block):
    def call(self, x, training=None):
        x = self.first(x)
        return x * 2 if training else x


def network_of(block):
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, 2, padding="same", name="stem")(inputs)
    x = block(4, strides=2, name="block")(x)
    return keras.Model(inputs, block(6, strides=2, name="deeper")(x))


def names(network):
    return [call.name for call in flatten(network).calls]


def test_layers_of_layers_are_opened():
    network = network_of(Block)
    assert names(network)[:7] == [
        "stem",
        "block_conv2d",
        "block_normalize",
        "block_dropout",
        "block_conv2d_1",
        "block_re_lu",
        "block_add",
    ]
    networks.randomize(network)
    images = networks.image((48, 32))
    expected = ops.convert_to_numpy(network(images))
    pyramid = feature_pyramid(network)
    tolerance = 1e-6 * np.abs(expected).max()  # TensorFlow's own ops round otherwise
    np.testing.assert_allclose(pyramid(images)["level3"], expected, atol=tolerance)
    dilated = feature_pyramid(network, 2)
    factors = {"level2": 2, "level3": 4}
    difference = networks.largest_difference(pyramid(images), dilated(images), factors)
    assert difference < 1e-5
    # In training dropout is on as before.
    first, second = (pyramid(images, training=True)["level2"] for _ in range(2))
    assert np.abs(ops.convert_to_numpy(first - second)).max() > 0


def test_names_do_not_depend_on_what_was_built_before():
    first = names(network_of(Block))
    layers.Conv2D(3, 3), layers.ReLU()
    assert names(network_of(Block)) == first


@pytest.mark.keras3("Keras 2 refuses variables of a Sequential that was never called")
def test_a_layer_with_another_course_in_training_stays_closed():
    assert names(network_of(OtherInTraining)) == ["stem", "block", "deeper"]
    network = network_of(OtherInTraining)
    images = networks.image((16, 16))
    pyramid = feature_pyramid(network)
    for training in (False, True):
        np.testing.assert_allclose(
            pyramid(images, training=training)["level3"],
            network(images, training=training),
            rtol=1e-6,
        )
    with pytest.raises(ValueError, match=r"'block' \(OtherInTraining\)"):
        feature_pyramid(network, 2)


def test_nested_models_are_opened():
    inner = networks.residual("same")
    inputs = keras.Input((None, None, 3))
    x = layers.Rescaling(1 / 255, name="scale")(inputs)
    head = keras.Sequential([layers.Conv2D(7, 3, padding="same", name="last")])
    network = keras.Model(inputs, head(inner(x)))
    assert names(network) == ["scale", *names(inner), "last"]
    networks.randomize(network)
    pyramid = feature_pyramid(network, 16)
    assert level_info(pyramid)["level5"] == (16, 7)
    images = networks.image((65, 70))
    strided = {"level5": network(images)}
    assert networks.largest_difference(strided, pyramid(images), {"level5": 2}) < 1e-5


def test_a_layer_called_twice_keeps_one_set_of_weights():
    inputs = keras.Input((None, None, 3))
    shared = layers.Conv2D(3, 3, padding="same", name="shared")
    x = layers.MaxPooling2D(2)(shared(shared(inputs)))
    network = keras.Model(inputs, x)
    pyramid = feature_pyramid(network)
    assert len(pyramid.weights) == 2
    images = networks.image((8, 8))
    np.testing.assert_allclose(pyramid(images)["level1"], network(images), rtol=1e-6)


@pytest.mark.parametrize("size", [(224, 224), (97, 129)])
def test_strides_of_a_network_of_one_size(size):
    inputs = keras.Input((*size, 3))
    x = layers.Conv2D(4, 3, 2, name="a")(inputs)
    x = layers.Conv2D(4, 3, 2, name="b")(x)
    x = layers.Conv2D(4, 3, 2, padding="same", name="c")(x)
    x = layers.GlobalAveragePooling2D(keepdims=True, name="pooled")(x)
    graph = flatten(keras.Model(inputs, x))
    strides = graph.strides()
    found = {call.name: strides.get(id(call.outputs[0])) for call in graph.calls}
    assert found == {"a": 2, "b": 4, "c": 8, "pooled": None}


def test_borders_cut_off_do_not_count_as_stride():
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 7, name="valid")(inputs)
    x = layers.MaxPooling2D(3, 2, name="pool")(x)
    graph = flatten(keras.Model(inputs, x))
    strides = graph.strides()
    assert [strides[id(call.outputs[0])] for call in graph.calls] == [1, 2]


def test_lambdas_and_operations_are_kept():
    inputs = keras.Input((None, None, 3))
    factor = 3.0
    x = layers.Lambda(lambda value: value * factor, name="times")(inputs)
    x = ops.maximum(layers.AveragePooling2D(2, name="pool")(x) - 1.0, 0.0)
    network = keras.Model(inputs, x)
    images = networks.image((8, 8))
    level = feature_pyramid(network)(images)["level1"]
    np.testing.assert_allclose(level, network(images), rtol=1e-6)


def test_a_layer_that_cannot_be_made_anew_is_named():
    class Unknown(layers.Layer):
        def __init__(self, value):
            super().__init__(name="unknown")
            self.value = value

        def call(self, x):
            return x

    inputs = keras.Input((None, None, 3))
    x = Unknown(object())(layers.MaxPooling2D(2)(inputs))
    with pytest.raises(ValueError, match=r"'unknown' \(Unknown\) cannot be recreated"):
        feature_pyramid(keras.Model(inputs, x))
