"""Logits of a place do not depend on the size of the image around it."""

import keras
import numpy as np
import pytest

from keras_seg import backbones
from keras_seg.layers import ResizeLike
from keras_seg.models import CPNet, DeepLabV3Plus, SPNet
from tests.models.networks import tiny_network

SIZES = [(288, 296), (287, 263), (272, 304), (257, 320), (304, 272)]


def fully_convolutional(output_stride):
    return CPNet(
        3,
        tiny_network(),
        output_stride,
        auxiliary_head=True,
        prior_size=None,
        head_filters=8,
    )


def without_padding(output_stride):
    """A backbone of windows that leave out the last rows of odd sizes."""
    x = image = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 255)(x)
    for _ in range(5):
        x = keras.layers.Conv2D(8, 2, strides=2, activation="relu")(x)
    backbone = keras.Model(image, x)
    return CPNet(3, backbone, output_stride, True, prior_size=None, head_filters=8)


def deeplab(output_stride):
    model = DeepLabV3Plus(
        3,
        tiny_network(),
        output_stride,
        auxiliary_head=True,
        filters=8,
        low_level_filters=8,
        dilation_rates=(1, 1, 1),
    )
    # The mean over the image depends on what else is in it.
    model.get_layer("aspp").image_branch.norm.gamma.assign([0] * 8)
    return model


@pytest.mark.parametrize(
    "output_stride", [8, 16, pytest.param(32, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("network", [fully_convolutional, without_padding, deeplab])
def test_logits_do_not_depend_on_the_size(network, output_stride):
    keras.utils.set_random_seed(0)
    model = network(output_stride)
    image = np.random.default_rng(0).uniform(0, 255, (1, 320, 320, 3))
    whole = model(image.astype("float32"))
    # The backbone's windows have 63 pixels, the head's one to three times two cells.
    margin = 63 + 6 * output_stride
    for size in SIZES:
        part = model(image[:, : size[0], : size[1]].astype("float32"))
        height, width = (side - margin for side in size)
        for name, logits in part.items():
            expected = keras.ops.convert_to_numpy(whole[name])
            assert logits.shape == (1, *size, 3)
            np.testing.assert_allclose(
                logits[:, :height, :width],
                expected[:, :height, :width],
                atol=1e-5 * np.abs(expected).max(),
            )


@pytest.mark.parametrize("network", [DeepLabV3Plus, SPNet])
@pytest.mark.parametrize(
    ("backbone", "expected"), [("resnet10", 0), ("mobilenet_v2", 1)]
)
def test_corners_are_aligned_where_features_do_not_move(network, backbone, expected):
    """Aligned corners shift features of TensorFlow's "same" windows along the image."""
    assert (backbones.size_alignment(backbones.build(backbone)) == 1) == expected
    for given, aligned in ((None, expected), (False, False), (True, True)):
        model = network(3, backbone, 32, align_corners=given)
        resizes = [layer for layer in model.layers if isinstance(layer, ResizeLike)]
        assert resizes and all(layer.align_corners == aligned for layer in resizes)
