"""The ResNet that SPNet and HANet were released with."""

import re

import keras
from keras import layers

from keras_seg.backbones.rebuilding import copy

_BLOCKS = {"resnet50_c": (3, 4, 6, 3), "resnet101_c": (3, 4, 23, 3)}
# The last stage's dilation at output stride 8, block by block.
_MULTI_GRID = (4, 8, 16)

NAMES = tuple(_BLOCKS)


def resnet_c(name, input_channels=3):
    """ResNet with a stem of three 3x3 convolutions and strides on the 3x3 convolution.

    The layers of a block are named as keras-cv names those of its ResNets. Strided
    windows are padded by one cell on each side, as PyTorch does.

    Args:
        name: "resnet50_c" or "resnet101_c".
        input_channels: int.

    Returns:
        Functional `keras.Model`.

    Reference: `models/resnet.py` of the release of [Hou et al.,
    2020](https://arxiv.org/abs/2003.13328).
    """
    image = keras.Input((None, None, input_channels))
    x = _convolution(image, 64, 3, strides=2, name="conv1_1")
    x = layers.ReLU(name="conv1_1_relu")(x)
    x = _convolution(x, 64, 3, name="conv1_2")
    x = layers.ReLU(name="conv1_2_relu")(x)
    x = _convolution(x, 128, 3, name="conv1_3")
    x = layers.ReLU(name="conv1_3_relu")(x)
    # The maximum of what a ReLU gave is not below the zeros of the padding.
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    for stage, blocks in enumerate(_BLOCKS[name]):
        for block in range(blocks):
            strides = 2 if stage > 0 and block == 0 else 1
            x = _bottleneck(
                x, 64 * 2**stage, strides, f"v2_stack_{stage}_block{block + 1}"
            )
    return keras.Model(image, x, name=name)


def multi_grid(call, layers, output_stride):
    """What replaces a call where the release dilates the last stage.

    With rates of (4, 8, 16) at output stride 8 and half of that at 16 the dilation of
    the 3x3 convolutions grows from block to block. The first block has its own, where
    plain dilation would leave it at that of the stage before.
    """
    place = re.fullmatch(r"v2_stack_3_block(\d)_2_(pad|conv)", call.name)
    if place is None or output_stride > 16:
        return layers
    rate = _MULTI_GRID[int(place[1]) - 1] * 8 // output_stride
    if place[2] == "pad":
        return [copy(call, padding=rate)]
    return [copy(call, strides=1, dilation_rate=rate)]


def _bottleneck(x, filters, strides, name):
    shortcut = x
    if x.shape[-1] != 4 * filters:
        shortcut = _convolution(x, 4 * filters, 1, strides, name=f"{name}_0")
    x = _convolution(x, filters, 1, name=f"{name}_1")
    x = layers.ReLU(name=f"{name}_1_relu")(x)
    x = _convolution(x, filters, 3, strides, name=f"{name}_2")
    x = layers.ReLU(name=f"{name}_2_relu")(x)
    x = _convolution(x, 4 * filters, 1, name=f"{name}_3")
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_out")(x)


def _convolution(x, filters, kernel_size, strides=1, name=None):
    is_padded = strides > 1 and kernel_size > 1
    if is_padded:
        x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding="valid" if is_padded else "same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return layers.BatchNormalization(epsilon=1e-5, momentum=0.9, name=f"{name}_bn")(x)
