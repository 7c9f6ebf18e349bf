"""Networks of keras-hub and of keras.applications at every output stride."""

import importlib.util

import keras
import numpy as np
import pytest
from keras import ops

from keras_seg.backbones import feature_pyramid, level_info
from tests.backbones import hub_networks, networks

HUB = ["resnet", "resnet_v2", "mobilenet", "efficientnet", "densenet", "cspnet"]
HUB += ["vgg", "xception", "hgnetv2"]

# With the sizes at which "valid" windows leave nothing out.
APPLICATIONS = {
    "MobileNetV2": (64, 96),
    "ResNet50": (67, 99),
    "ResNet50V2": (65, 97),
    "MobileNet": (67, 99),
    "DenseNet121": (64, 96),
    "VGG16": (64, 96),
    "Xception": (97, 130),
    "InceptionV3": (299, 299),
    "ConvNeXtTiny": (64, 96),
    "EfficientNetB0": (64, 96),
    "EfficientNetV2B0": (65, 97),
    "MobileNetV3Small": (64, 96),
    "NASNetMobile": (224, 224),
}
# Whose squeeze and excitation takes the mean of more places than the strided one.
WITH_MEANS = ["mobilenet", "efficientnet"]
WITH_MEANS += ["EfficientNetB0", "EfficientNetV2B0", "MobileNetV3Small"]


def check(network, size, tolerance):
    networks.randomize(network)
    strided = feature_pyramid(network, normalization=False)
    images = networks.image(size) / 255
    expected = strided(images)
    for output_stride in (16, 8):
        dilated = feature_pyramid(network, output_stride, normalization=False)
        info = level_info(dilated)
        assert info["level5"][0] == output_stride
        factors = {
            level: 2 ** int(level[-1]) // stride for level, (stride, _) in info.items()
        }
        found = networks.largest_difference(expected, dilated(images), factors)
        assert found < tolerance, output_stride
    return strided, images


def tolerance(name):
    return 0.2 if name in WITH_MEANS else 1e-5


@pytest.mark.parametrize("name", HUB)
def test_keras_hub(name):
    if importlib.util.find_spec("keras_hub") is None:
        pytest.skip("keras-hub is not installed")
    network = hub_networks.networks()[name]()
    strided, images = check(network, (66, 98), tolerance(name))
    # The levels are the tensors that it names, where it does, the last of a stride.
    declared = getattr(network, "pyramid_outputs", {})
    features = strided(images)
    for tensor in {tensor.shape: tensor for tensor in declared.values()}.values():
        expected = ops.convert_to_numpy(keras.Model(network.input, tensor)(images))
        level = f"level{round(np.log2(98 / expected.shape[2]))}"
        largest = np.abs(expected).max()
        np.testing.assert_allclose(features[level], expected, 0, 1e-5 * largest)


def test_keras_hubs_transformer():
    if importlib.util.find_spec("keras_hub") is None:
        pytest.skip("keras-hub is not installed")
    network = hub_networks.mix_transformer()
    networks.randomize(network)
    images = networks.image((64, 64)) / 255
    features = feature_pyramid(network, normalization=False)(images)
    for name, tensor in network.pyramid_outputs.items():
        expected = keras.Model(network.input, tensor)(images)
        level = features[f"level{int(name[1]) + 1}"]
        np.testing.assert_allclose(level, expected, atol=1e-5)
    with pytest.raises(ValueError, match=r"\(Reshape\) turns the feature map into"):
        feature_pyramid(network, 16)


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
    size = APPLICATIONS[name]
    shape = (*size, 3) if name == "NASNetMobile" else (None, None, 3)
    network = getattr(keras.applications, name)(
        weights=None, include_top=False, input_shape=shape
    )
    strided, images = check(network, size, tolerance(name))
    expected = ops.convert_to_numpy(network(images))
    atol = 1e-4 * np.abs(expected).max()
    np.testing.assert_allclose(strided(images)["level5"], expected, atol=atol)


def test_a_classifier_is_cut_off():
    network = keras.applications.MobileNetV2(weights=None, alpha=0.35)
    pyramid = feature_pyramid(network, 16)
    assert level_info(pyramid)["level5"] == (16, 1280)
    assert pyramid.input_shape == (None, 224, 224, 3)
    assert "predictions" not in [layer.name for layer in pyramid.layers]
