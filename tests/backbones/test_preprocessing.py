"""Normalization of images for networks of other libraries."""

import importlib.util
import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_seg.backbones import feature_pyramid
from tests.backbones import hub_networks

# A network of each way, with the function of Keras that prepares its images.
APPLICATIONS = {
    "MobileNetV2": keras.applications.mobilenet_v2,
    "ResNet50V2": keras.applications.resnet_v2,
    "DenseNet121": keras.applications.densenet,
    "VGG16": keras.applications.vgg16,
}
IMAGES = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype("float32")
IMAGENET = [(IMAGES[..., 0] / 255 - 0.485) / 0.229]
IMAGENET += [(IMAGES[..., 1] / 255 - 0.456) / 0.224]
IMAGENET += [(IMAGES[..., 2] / 255 - 0.406) / 0.225]


def seen(pyramid, images=IMAGES):
    """Returns the images as the network in a pyramid receives them."""
    layer = pyramid.get_layer("normalization")
    return ops.convert_to_numpy(layer(images))


def small(first=None, name="own"):
    inputs = keras.Input((None, None, 3))
    x = inputs if first is None else first(inputs)
    x = layers.ZeroPadding2D(1)(x)
    return keras.Model(inputs, layers.Conv2D(4, 3, 2, name="stem")(x), name=name)


@pytest.mark.parametrize(
    "name",
    [
        "MobileNetV2",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in APPLICATIONS
            if name != "MobileNetV2"
        ),
    ],
)
def test_keras_applications(name):
    options = {"alpha": 0.35} if name == "MobileNetV2" else {}
    network = getattr(keras.applications, name)(
        weights=None, include_top=False, input_shape=(None, None, 3), **options
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        pyramid = feature_pyramid(network)
    expected = APPLICATIONS[name].preprocess_input(np.array(IMAGES))
    np.testing.assert_allclose(seen(pyramid), expected, atol=1e-4)
    features = ops.convert_to_numpy(network(expected))
    np.testing.assert_allclose(pyramid(IMAGES)["level5"], features, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("resnet101", keras.applications.resnet),
        ("vgg19", keras.applications.vgg19),
        ("mobilenet_1.00_224", keras.applications.mobilenet),
        ("mobilenetv2_0.35_96", keras.applications.mobilenet_v2),
        ("resnet152v2", keras.applications.resnet_v2),
        ("densenet201", keras.applications.densenet),
        ("xception", keras.applications.xception),
        ("inception_v3", keras.applications.inception_v3),
        ("inception_resnet_v2", keras.applications.inception_resnet_v2),
        ("NASNet", keras.applications.nasnet),
    ],
)
def test_by_the_name_in_keras_applications(name, module):
    expected = module.preprocess_input(np.array(IMAGES))
    found = seen(feature_pyramid(small(name=name)))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_saved_pyramid_keeps_it(tmp_path):
    pyramid = feature_pyramid(small(name="vgg16"))
    pyramid.save(tmp_path / "a.keras")
    loaded = keras.saving.load_model(tmp_path / "a.keras")
    expected = ops.convert_to_numpy(pyramid(IMAGES)["level1"])
    np.testing.assert_allclose(loaded(IMAGES)["level1"], expected, rtol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        again = feature_pyramid(loaded)  # once is enough
    np.testing.assert_allclose(again(IMAGES)["level1"], expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["resnet", "mobilenet", "densenet", "vgg"])
def test_keras_hub(name):
    if importlib.util.find_spec("keras_hub") is None:
        pytest.skip("keras-hub is not installed")
    pyramid = feature_pyramid(hub_networks.networks()[name]())
    np.testing.assert_allclose(seen(pyramid), np.stack(IMAGENET, -1), atol=1e-5)


def test_keras_hubs_networks_of_several_ways_are_warned_of():
    if importlib.util.find_spec("keras_hub") is None:
        pytest.skip("keras-hub is not installed")
    with pytest.warns(UserWarning, match="gets images in 0..255 as they are"):
        feature_pyramid(hub_networks.networks()["resnet_v2"]())


def test_warns_where_raw_values_reach_a_convolution():
    with pytest.warns(UserWarning, match="'own' gets images.* convolution, 'stem'"):
        feature_pyramid(small())
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for options in ({"normalization": "imagenet"}, {"normalization": False}):
            feature_pyramid(small(), **options)


@pytest.mark.parametrize(
    "first",
    [
        layers.Rescaling(1 / 255),
        lambda x: x / 127.5 - 1,
        layers.BatchNormalization(),
        lambda x: layers.Rescaling(1 / 255)(layers.ZeroPadding2D(2)(x)),
    ],
)
def test_networks_that_scale_images_are_left_alone(first):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        pyramid = feature_pyramid(small(first, name="resnet50"))
    assert "normalization" not in [layer.name for layer in pyramid.layers]


def test_imagenet_for_other_channels():
    inputs = keras.Input((None, None, 4))
    network = keras.Model(inputs, layers.Conv2D(2, 3, 2, padding="same")(inputs))
    pyramid = feature_pyramid(network, normalization="imagenet")
    images = np.concatenate([IMAGES, IMAGES[..., :1]], axis=-1)
    expected = np.stack([*IMAGENET, IMAGENET[0]], axis=-1)
    np.testing.assert_allclose(seen(pyramid, images), expected, atol=1e-5)
