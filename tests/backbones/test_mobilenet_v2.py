import numpy as np
from keras import ops

from keras_seg import backbones
from tests.backbones import networks


def test_levels_and_parameters():
    pyramid = backbones.mobilenet_v2()
    assert backbones.level_info(pyramid) == {
        "level3": (8, 32),
        "level4": (16, 320),
        "level5": (16, 1280),
    }
    assert backbones.size_alignment(pyramid) == 1
    # torchvision's 3,504,872 without the classifier of 1000 classes.
    parameters = sum(np.prod(weight.shape) for weight in pyramid.trainable_weights)
    assert parameters == 3_504_872 - 1281 * 1000


def test_one_convolution_is_dilated():
    pyramid = backbones.mobilenet_v2()
    dilated = [
        layer.name
        for layer in pyramid.layers
        if getattr(layer, "dilation_rate", (1, 1)) != (1, 1)
    ]
    assert dilated == ["block14_depthwise_conv"]
    assert pyramid.get_layer("block14_depthwise_conv").dilation_rate == (2, 2)


def test_normalization():
    """As of images that were normalized before."""
    images = networks.image((45, 51))
    raw, plain = backbones.mobilenet_v2(), backbones.mobilenet_v2(normalization=None)
    plain.set_weights(raw.get_weights())
    normalized = (images - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375]
    features = plain(normalized)
    for level, expected in raw(images).items():
        expected = ops.convert_to_numpy(expected)
        np.testing.assert_allclose(
            ops.convert_to_numpy(features[level]),
            expected,
            atol=1e-5 * np.abs(expected).max(),
        )
