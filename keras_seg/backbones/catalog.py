"""The backbones that `build` knows by name.

keras-cv's own presets try to download even where no weights are asked for, so its
classes are called with explicit configurations.
"""

import difflib
import pathlib

import keras

from keras_seg.backbones.pyramid import feature_pyramid
from keras_seg.backbones.rewriting import copy_layer, rebuild

# Blocks in each stage; those below 50 layers have basic blocks, the rest bottlenecks.
_RESNET_BLOCKS = {
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
}
_BASIC_BLOCKS = ("resnet18", "resnet34")

# Width and depth coefficients.
_EFFICIENTNET_LITE = {"efficientnet_lite_b0": (1.0, 1.0)}


def names():
    """The names that `build` takes, in alphabetical order."""
    return sorted([*_RESNET_BLOCKS, *_EFFICIENTNET_LITE])


def build(name, output_stride=32, weights=None, insert=None):
    """Builds a feature pyramid from a network of keras-cv.

    It takes raw RGB in 0..255 and normalises it as the network's published weights
    expect: by 1 / 255 for ResNets, by (x - 127) / 128 for EfficientNetLite. Batch
    norms have momentum 0.9 rather than Keras's 0.99, whose statistics lag behind
    in the short schedules of segmentation.

    Args:
        name: one of `keras_seg.backbones.names()`.
        output_stride: 8, 16 or 32; see `feature_pyramid`.
        weights: None for random weights, or the path of a `.weights.h5` file that
            `save_weights` of such a pyramid wrote, at any output stride.
        insert: see `feature_pyramid`.

    Returns:
        A pyramid: `keras.Model` named "backbone" with outputs "level1" to "level5".

    Raises:
        ValueError: If the name is unknown (the nearest one is offered), if
            `output_stride` is out of range, or if the weights are of another network.
        FileNotFoundError: If there is no file at `weights`.

    Example:

    ```python
    pyramid = build("resnet50", output_stride=8)
    pyramid(keras.ops.ones((1, 96, 128, 3)))["level5"].shape  # (1, 12, 16, 2048)
    ```
    """
    if name in _RESNET_BLOCKS:
        network, normalization = _resnet(name), keras.layers.Rescaling(1 / 255)
    elif name in _EFFICIENTNET_LITE:
        network = _efficientnet_lite(name)
        normalization = keras.layers.Rescaling(1 / 128, -127 / 128)
    else:
        near = difflib.get_close_matches(str(name), names(), n=1, cutoff=0)[0]
        raise ValueError(
            f"`name` must be one of: {', '.join(names())}. Received: {name=}. "
            f"Did you mean {near!r}?"
        )
    pyramid = feature_pyramid(network, output_stride, normalization, insert)
    if weights is not None:
        _load_weights(pyramid, name, weights)
    return pyramid


def _resnet(name):
    from keras_cv.models import ResNetBackbone

    network = ResNetBackbone(
        stackwise_filters=[64, 128, 256, 512],
        stackwise_blocks=list(_RESNET_BLOCKS[name]),
        stackwise_strides=[1, 2, 2, 2],
        block_type="basic_block" if name in _BASIC_BLOCKS else "block",
        include_rescaling=False,
        name=name,
    )
    return _adapted(network)


def _efficientnet_lite(name):
    from keras_cv.models import EfficientNetLiteBackbone

    width, depth = _EFFICIENTNET_LITE[name]
    network = EfficientNetLiteBackbone(
        stackwise_kernel_sizes=[3, 3, 5, 3, 5, 5, 3],
        stackwise_num_repeats=[1, 2, 2, 3, 3, 4, 1],
        stackwise_input_filters=[32, 16, 24, 40, 80, 112, 192],
        stackwise_output_filters=[16, 24, 40, 80, 112, 192, 320],
        stackwise_expansion_ratios=[1, 6, 6, 6, 6, 6, 6],
        stackwise_strides=[1, 2, 2, 2, 1, 2, 1],
        width_coefficient=width,
        depth_coefficient=depth,
        include_rescaling=False,
        name=name,
    )
    return _adapted(network)


def _adapted(network):
    """The same network with our batch norm momentum and with "same" strides.

    keras-cv pads strided depthwise convolutions explicitly, and for unknown sizes as if
    they were even: at odd ones the features shift by a pixel and lose a row. "same" is
    what that padding stands for, at every size.
    """
    declared = network.pyramid_level_inputs

    def replacement(layer):
        if isinstance(layer, keras.layers.BatchNormalization):
            return copy_layer(layer, momentum=0.9)
        if isinstance(layer, keras.layers.ZeroPadding2D):
            return keras.layers.Identity(name=layer.name)
        if getattr(layer, "padding", None) == "valid" and max(layer.strides) > 1:
            return copy_layer(layer, padding="same")
        return copy_layer(layer)

    image, tensors = rebuild(network, replacement)
    adapted = keras.Model(image, tensors[network.layers[-1].name], name=network.name)
    adapted.pyramid_level_inputs = declared
    return adapted


def _load_weights(pyramid, name, path):
    if not pathlib.Path(path).is_file():
        raise FileNotFoundError(f"There is no file at `weights`. Received: {path}")
    try:
        pyramid.load_weights(path)
    except Exception as error:  # what is raised depends on where the files differ
        raise ValueError(
            f"The weights do not fit {name!r}: they must be a .weights.h5 file that a "
            f"pyramid of this network wrote. Received: {path} ({error})"
        ) from error
