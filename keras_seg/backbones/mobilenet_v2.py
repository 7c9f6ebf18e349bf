import keras
from keras import layers

from keras_seg.backbones.feature_pyramid_model import FeaturePyramid
from keras_seg.backbones.pyramid import normalization_layers

# For each group of blocks: expansion, filters, repeats, stride of the first block.
_GROUPS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_LAST = 1280
# Blocks, counted from 1, whose outputs are levels; and the block that HANet dilates.
_LEVELS = {6: "level3", 17: "level4"}
_DILATED = 14


def mobilenet_v2(
    normalization: str | keras.layers.Layer | None = "imagenet",
) -> keras.Model:
    """Builds MobileNetV2 as in HANet's release: a pyramid at output stride 16.

    Strided windows are padded by one cell on each side, as in PyTorch, so features have
    the same position at every image size (`size_alignment` is 1). The depthwise
    convolution that would lead to stride 32 has no stride and a dilation of 2; the
    convolutions after it are not dilated. The last blocks belong to level 4, from which
    HANet computes its first attention; level 5 is the last 1x1 convolution. For the
    network with its usual levels and at any output stride, use
    `build("mobilenet_v2")`.

    Args:
        normalization: normalization of the images; see `feature_pyramid`.

    Returns:
        A feature pyramid: a `keras.Model` named "backbone" from images
        `(batch, height, width, 3)` to the dict of "level3" (stride 8, 32 channels),
        "level4" (stride 16, 320 channels) and "level5" (stride 16, 1280 channels).

    Example:
        ```python
        features = mobilenet_v2()(keras.ops.ones((1, 97, 129, 3)))
        features["level5"].shape  # (1, 7, 9, 1280)
        ```

    References:
        [Sandler et al., 2018](https://arxiv.org/abs/1801.04381), table 2. The dilation
        and the levels are those of the release of [Choi et al.,
        2020](https://arxiv.org/abs/2003.05128), `network/deepv3.py`.
    """
    with keras.name_scope("backbone"):
        image = keras.Input((None, None, 3), name="image")
        x = image
        for layer in normalization_layers(normalization):
            x = layer(x)
        levels = _levels(x, _DILATED)
    return FeaturePyramid(image, levels, name="backbone")


def network(input_channels):
    """Returns MobileNetV2 at stride 32, without normalization and classifier."""
    image = keras.Input((None, None, input_channels), name="image")
    return keras.Model(image, _levels(image)["level5"], name="mobilenet_v2")


def _levels(x, dilated=None):
    x = _unit(x, 32, 3, strides=2, name="stem")
    levels, block = {}, 0
    for expansion, filters, repeats, stride in _GROUPS:
        for repeat in range(repeats):
            block += 1
            strides = stride if repeat == 0 else 1
            x = _inverted_residual(
                x, expansion, filters, strides, block == dilated, f"block{block}"
            )
            if block in _LEVELS:
                levels[_LEVELS[block]] = x
    levels["level5"] = _unit(x, _LAST, 1, name="top")
    return levels


def _inverted_residual(x, expansion, filters, strides, is_dilated, name):
    start, channels = x, x.shape[-1]
    if expansion > 1:
        x = _unit(x, expansion * channels, 1, name=f"{name}_expand")
    dilation_rate = 2 if is_dilated else 1
    if is_dilated:
        strides = 1
    if strides > 1:
        x = layers.ZeroPadding2D(1, name=f"{name}_depthwise_pad")(x)
    x = layers.DepthwiseConv2D(
        3,
        strides,
        padding="valid" if strides > 1 else "same",
        dilation_rate=dilation_rate,
        use_bias=False,
        name=f"{name}_depthwise_conv",
    )(x)
    x = _batch_norm(f"{name}_depthwise")(x)
    x = layers.ReLU(6, name=f"{name}_depthwise_relu")(x)
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project_conv")(x)
    x = _batch_norm(f"{name}_project")(x)
    if strides == 1 and channels == filters:
        x = layers.Add(name=f"{name}_add")([start, x])
    return x


def _unit(x, filters, kernel_size, strides=1, *, name):
    """Applies a convolution, batch norm and ReLU6."""
    if strides > 1:
        x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding="valid" if strides > 1 else "same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    x = _batch_norm(name)(x)
    return layers.ReLU(6, name=f"{name}_relu")(x)


def _batch_norm(name):
    return layers.BatchNormalization(epsilon=1e-5, momentum=0.9, name=f"{name}_bn")
