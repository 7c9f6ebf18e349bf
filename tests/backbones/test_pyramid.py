import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_seg.backbones import build, feature_pyramid, level_info
from keras_seg.backbones.geometry import is_pyramid, size_divisor
from keras_seg.layers import StripPooling
from tests.backbones import networks


def small_network():
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, 2, padding="same", name="stem")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Conv2D(6, 3, 2, padding="same", name="down")(x)
    x = layers.Conv2D(6, 3, padding="same", name="after")(x)
    return keras.Model(inputs, x, name="small")


def test_outputs_are_levels():
    pyramid = feature_pyramid(small_network())
    assert is_pyramid(pyramid) and not is_pyramid(small_network())
    assert pyramid.name == "backbone"
    assert level_info(pyramid) == {"level1": (2, 4), "level2": (4, 6)}
    assert level_info(feature_pyramid(small_network(), 2))["level2"] == (2, 6)
    # A pyramid can be dilated further; what is dilated stays so.
    assert level_info(feature_pyramid(pyramid, 2))["level2"] == (2, 6)
    dilated = feature_pyramid(feature_pyramid(small_network(), 2), 32)
    assert level_info(dilated)["level2"] == (2, 6)


def test_the_network_is_left_alone():
    network = small_network()
    before = network.to_json()
    pyramid = feature_pyramid(network, 2)
    assert network.to_json() == before
    pyramid.get_layer("stem").kernel.assign(pyramid.get_layer("stem").kernel * 0)
    assert np.abs(ops.convert_to_numpy(network.get_layer("stem").kernel)).max() > 0


def test_the_image_may_be_an_output():
    small = small_network()
    network = keras.Model(small.input, [small.input, small.output])
    assert sorted(level_info(feature_pyramid(network))) == ["level1", "level2"]


@pytest.mark.keras3("Keras 2 casts the inputs of operations to its policy")
def test_layers_keep_their_dtype_under_another_policy(mixed_policy, tmp_path):
    inputs = keras.Input((None, None, 3), dtype="float32")
    x = layers.Lambda(lambda x: x, dtype="float32")(inputs)
    x = layers.Identity(dtype="float32")(x)
    x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    for padding in ("valid", "same", "same"):
        x = layers.Conv2D(4, 3, 2, padding=padding, dtype="float32")(x)
    network = keras.Model(inputs, x)
    for output_stride in (32, 2):
        pyramid = feature_pyramid(network, output_stride, normalization=False)
        found = {layer.output.dtype for layer in pyramid.layers}
        assert set(map(keras.backend.standardize_dtype, found)) == {"float32"}
    pyramid.save(tmp_path / "pyramid.keras")


def test_what_leads_to_no_level_is_left_out():
    inputs = keras.Input((64, 64, 3))
    x = layers.MaxPooling2D(2, name="pool")(inputs)
    x = layers.Dense(10, name="predictions")(layers.Flatten()(x))
    pyramid = feature_pyramid(keras.Model(inputs, x))
    assert [layer.name for layer in pyramid.layers][1:] == ["pool"]


def test_frozen_layers_stay_frozen_and_regularizers_are_kept():
    network = small_network()
    network.get_layer("stem").trainable = False
    network.get_layer("down").kernel_regularizer = keras.regularizers.L2(0.1)
    pyramid = feature_pyramid(network, 2)
    assert not pyramid.get_layer("stem").trainable_weights
    assert pyramid.get_layer("down").kernel_regularizer.l2 == pytest.approx(0.1)


def test_the_copy_of_a_frozen_network_can_be_trained(tmp_path):
    network = small_network()
    network.trainable = False
    pyramid = feature_pyramid(network, insert=lambda *_: {"stem": StripPooling()})
    inserted = len(pyramid.trainable_weights)
    pyramid.trainable = True
    everything = len(pyramid.trainable_weights)
    assert everything == inserted + 8
    pyramid.get_layer("stem").trainable = False
    pyramid.save(tmp_path / "pyramid.keras")
    loaded = keras.saving.load_model(tmp_path / "pyramid.keras")
    assert len(loaded.trainable_weights) == everything - 2
    loaded.trainable = True
    assert len(loaded.trainable_weights) == everything


def test_layers_inside_of_frozen_layers_stay_frozen(tmp_path):
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, 2, padding="same")(inputs)
    network = keras.Model(inputs, layers.MultiHeadAttention(2, 2)(x, x))
    network.trainable = False
    pyramid = feature_pyramid(network, normalization=False)
    assert pyramid.weights and not pyramid.trainable_weights
    pyramid.save(tmp_path / "pyramid.keras")
    loaded = keras.saving.load_model(tmp_path / "pyramid.keras")
    assert loaded.weights and not loaded.trainable_weights


def test_imagenet_normalization():
    inputs = keras.Input((None, None, 3))
    network = keras.Model(inputs, layers.AveragePooling2D(2, name="pool")(inputs))
    pyramid = feature_pyramid(network, normalization="imagenet")
    result = pyramid(np.full((1, 2, 2, 3), (123.675, 116.28 + 57.12, 0), "float32"))
    expected = [0, 1, -0.406 / 0.225]
    value = ops.convert_to_numpy(result["level1"])[0, 0, 0]
    np.testing.assert_allclose(value, expected, atol=1e-5)


def test_inserted_layers_change_what_follows():
    def insert(layer_names, levels):
        assert layer_names == ["stem", "norm", "down", "after"]
        assert levels == {"level1": "norm", "level2": "after"}
        return {"norm": layers.Rescaling(0.0, name="silence")}

    pyramid = feature_pyramid(small_network(), insert=insert)
    result = pyramid(np.ones((1, 16, 16, 3), "float32"))
    assert np.abs(ops.convert_to_numpy(result["level1"])).max() == 0
    assert np.abs(ops.convert_to_numpy(result["level2"])).max() == 0
    assert "silence" in [layer.name for layer in pyramid.layers]


def test_saves_and_loads_at_every_output_stride(tmp_path):
    """Weights go from one output stride to another; models keep theirs."""
    network = networks.residual("same")
    networks.randomize(network)
    strided, dilated = (feature_pyramid(network, stride) for stride in (32, 8))
    strided.save_weights(tmp_path / "strided.weights.h5")
    expected = ops.convert_to_numpy(dilated(networks.image((66, 97)))["level5"])
    for weight in dilated.weights:
        weight.assign(weight * 0)
    dilated.load_weights(tmp_path / "strided.weights.h5")
    dilated.save(tmp_path / "dilated.keras")
    loaded = keras.saving.load_model(tmp_path / "dilated.keras")
    for model in (dilated, loaded):
        features = model(networks.image((66, 97)))["level5"]
        np.testing.assert_array_equal(features, expected)


@pytest.mark.parametrize(
    "pooling", [None, "average", "even_same", "patches", "max_same"]
)
def test_a_pyramid_is_dilated_further_as_at_once(pooling):
    network = networks.pooled(pooling) if pooling else networks.residual("same")
    networks.randomize(network)
    once = feature_pyramid(network, 8)
    twice = feature_pyramid(feature_pyramid(feature_pyramid(network), 16), 8)
    assert [w.shape for w in once.weights] == [w.shape for w in twice.weights]
    images = networks.image((64, 90))
    expected, features = once(images), twice(images)
    for level in expected:
        np.testing.assert_allclose(features[level], expected[level], rtol=1e-5)


def test_variables_have_one_order_at_every_output_stride():
    """Padding for dilation is on one of two branches, and deepens what is before it."""
    inputs = x = keras.Input((None, None, 3))
    for level in range(1, 5):
        left = layers.Conv2D(4, 1, name=f"a{level}")(x)
        left = layers.Conv2D(4, 2, 2, name=f"b{level}")(left)
        left = layers.Conv2D(4, 2, padding="same", name=f"c{level}")(left)
        right = layers.MaxPooling2D(2, name=f"pool{level}")(x)
        for name in "defg":
            right = layers.Conv2D(4, 1, name=f"{name}{level}")(right)
        x = layers.Add(name=f"add{level}")([left, right])
    network = keras.Model(inputs, x)
    orders = [
        [weight.path for weight in feature_pyramid(network, stride).weights]
        for stride in (32, 8, 4, 2)
    ]
    assert all(order == orders[0] for order in orders)


def test_paths_of_variables_begin_with_its_name(tmp_path):
    """Else an optimizer could not tell it from the layers around it."""
    inputs = keras.Input((None, None, 3))
    pyramid = feature_pyramid(small_network())
    model = keras.Model(inputs, pyramid(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    paths = [w.path for w in pyramid.weights]
    assert all(path.startswith("backbone/") for path in paths)
    assert [w.path for w in loaded.get_layer("backbone").weights] == paths


def test_size_divisor():
    assert size_divisor(feature_pyramid(small_network())) == 1
    assert size_divisor(build("csp_darknet_tiny")) == 2


def test_bad_arguments():
    with pytest.raises(TypeError, match="functional keras.Model"):
        feature_pyramid(keras.layers.Dense(3))
    with pytest.raises(ValueError, match="Received: output_stride=12"):
        feature_pyramid(small_network(), output_stride=12)
    with pytest.raises(ValueError, match="Received: normalization='coco'"):
        feature_pyramid(small_network(), normalization="coco")
    inputs = [keras.Input((4, 4, 3)), keras.Input((4, 4, 3))]
    two = keras.Model(inputs, layers.Add()(inputs))
    with pytest.raises(ValueError, match="one input"):
        feature_pyramid(two)
    with pytest.raises(ValueError, match="'stems'; 'small' has: stem, norm, down"):
        feature_pyramid(small_network(), insert=lambda *_: {"stems": layers.ReLU()})
    flat = keras.Model(x := keras.Input((None, None, 3)), layers.Conv2D(3, 1)(x))
    with pytest.raises(ValueError, match="feature maps with a stride of 2"):
        feature_pyramid(flat)
