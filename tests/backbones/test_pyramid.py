import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_seg.backbones import feature_pyramid, is_pyramid, level_info


def small_network(padding="explicit"):
    """Three strides, a residual block, and PyTorch's explicit padding."""
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same", name="stem")(inputs)
    shortcut = x
    x = layers.Conv2D(4, 3, padding="same", name="branch")(x)
    x = layers.Add(name="add")([x, shortcut])
    if padding == "explicit":
        x = layers.ZeroPadding2D(((0, 1), (0, 1)), name="pad")(x)
        x = layers.DepthwiseConv2D(3, strides=2, name="down2")(x)
        x = layers.ZeroPadding2D(((1, 2), (1, 2)), name="pad5")(x)
        x = layers.DepthwiseConv2D(5, strides=2, name="down3")(x)
        x = layers.ZeroPadding2D(1, name="pad_same")(x)
        x = layers.Conv2D(6, 3, name="after")(x)
    else:
        x = layers.MaxPooling2D(2, name="pool")(x)
    return keras.Model(inputs, x)


def test_levels_are_where_every_path_passes():
    pyramid = feature_pyramid(small_network())
    assert is_pyramid(pyramid) and not is_pyramid(small_network())
    assert level_info(pyramid) == {"level1": (2, 4), "level2": (4, 4), "level3": (8, 6)}
    # Not the branch, which the shortcut passes by.
    added = keras.Model(pyramid.input, pyramid.get_layer("add").output)
    images = np.random.default_rng(0).normal(size=(1, 16, 16, 3))
    level1 = ops.convert_to_numpy(pyramid(images)["level1"])
    # The padding behind the addition has the same stride: it is the last tensor there.
    np.testing.assert_allclose(
        level1[:, :8, :8], ops.convert_to_numpy(added(images)), rtol=1e-6
    )


@pytest.mark.parametrize("size", [(32, 48), (24, 40)])
def test_explicit_padding_is_adjusted(size):
    """On sizes for which that padding is right: those that the strides divide."""
    network = small_network()
    images = np.random.default_rng(0).normal(size=(1, *size, 3)).astype("float32")
    expected = ops.convert_to_numpy(feature_pyramid(network)(images)["level3"])
    for output_stride, step in ((4, 2), (2, 4)):
        pyramid = feature_pyramid(network, output_stride)
        assert level_info(pyramid)["level3"] == (output_stride, 6)
        dilated = ops.convert_to_numpy(pyramid(images)["level3"])
        np.testing.assert_allclose(dilated[:, ::step, ::step], expected, atol=1e-5)


def test_the_network_is_left_alone():
    network = small_network()
    before = network.to_json()
    pyramid = feature_pyramid(network, 2)
    assert network.to_json() == before
    pyramid.get_layer("stem").kernel.assign(pyramid.get_layer("stem").kernel * 0)
    assert np.abs(ops.convert_to_numpy(network.get_layer("stem").kernel)).max() > 0


def test_imagenet_normalisation():
    inputs = keras.Input((None, None, 3))
    network = keras.Model(inputs, layers.AveragePooling2D(2, name="pool")(inputs))
    pyramid = feature_pyramid(network, normalization="imagenet")
    result = pyramid(np.full((1, 2, 2, 3), (123.675, 116.28 + 57.12, 0), "float32"))
    expected = [0, 1, -0.406 / 0.225]
    value = ops.convert_to_numpy(result["level1"])[0, 0, 0]
    np.testing.assert_allclose(value, expected, atol=1e-5)


def test_inserted_layers_change_what_follows():
    network = small_network()

    def insert(network, levels):
        assert levels["level3"] == "after"
        return {"add": layers.Rescaling(0.0, name="silence")}

    pyramid = feature_pyramid(network, insert=insert)
    result = pyramid(np.ones((1, 16, 16, 3), "float32"))
    assert np.abs(ops.convert_to_numpy(result["level1"])).max() == 0
    assert "silence" in [layer.name for layer in pyramid.layers]


def test_a_pooling_that_would_lose_its_stride_is_named():
    with pytest.raises(ValueError, match=r"'pool' \(MaxPooling2D\) strides"):
        feature_pyramid(small_network("pooling"), output_stride=2)


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
