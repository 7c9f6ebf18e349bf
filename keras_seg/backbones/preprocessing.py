"""Preprocessing of images for networks of other libraries."""

import re
import warnings

import keras

from keras_seg.backbones.caffe_normalization import CaffeNormalization

# Names of networks of `keras.applications`, and the mode of the function
# `preprocess_input` of their module, as Keras calls it.
_APPLICATIONS = {
    r"mobilenet(v2)?_[\d.]+_(\d+|None)": "tf",
    r"mobilenetv3(small|large)": "tf",
    r"resnet(50|101|152)v2": "tf",
    r"inception_v3|inception_resnet_v2|xception|nasnet(_?mobile|_?large)?": "tf",
    r"efficientnetv2-[sml]": "128",
    r"efficientnetb\d|efficientnetv2-b\d|densenet(121|169|201)|convnext_\w+": "torch",
    r"resnet(50|101|152)|vgg1[69]": "caffe",
}
# keras-hub's classes whose published presets all use ImageNet's mean and standard
# deviation. In other classes, it depends on the preset.
_HUB_IMAGENET = {
    "CSPNetBackbone",
    "DenseNetBackbone",
    "HGNetV2Backbone",
    "MiTBackbone",
    "MobileNetBackbone",
    "ResNetBackbone",
    "VGGBackbone",
}
_CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.Dense,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)
# Layers that do not change the range of an image's values.
_PASSING = (
    keras.layers.Activation,
    keras.layers.AveragePooling2D,
    keras.layers.Cropping2D,
    keras.layers.Dropout,
    keras.layers.GaussianNoise,
    keras.layers.MaxPooling2D,
    keras.layers.Permute,
    keras.layers.Reshape,
    keras.layers.UpSampling2D,
    keras.layers.ZeroPadding2D,
)
_PASSING_OPERATIONS = {"Concatenate", "GetItem", "Identity", "Pad", "Reshape"}
_PASSING_OPERATIONS |= {"PadToMultiple", "Resizing", "Transpose"}


def preprocessing(network, graph, imagenet):
    """Returns the default preprocessing layers of a network.

    If values in 0..255 would reach the first convolution, these layers do the
    preprocessing that the network is known to expect. For an unknown network, a warning
    is issued instead.

    Args:
        network: functional `keras.Model`.
        graph: `Graph` of the network.
        imagenet: function `channels -> layer` that normalizes by ImageNet's mean and
            standard deviation.

    Returns:
        List of unbuilt layers. Empty if the network scales images itself or is unknown.
    """
    convolution = _first_on_raw_values(graph)
    if convolution is None:
        return []
    kind, channels = _expected(network), graph.image.shape[-1]
    if kind == "torch":
        return [imagenet(channels)]
    if kind == "caffe" and channels == 3:
        return [CaffeNormalization(name="normalization")]
    if kind == "unit":
        return [keras.layers.Rescaling(1 / 255, name="normalization")]
    if kind in ("tf", "128"):
        scale = {"tf": 127.5, "128": 128}[kind]
        return [keras.layers.Rescaling(1 / scale, -1.0, name="normalization")]
    warnings.warn(
        f"The network {network.name!r} gets images in 0..255 as they are: nothing "
        f"scales them before its first convolution, {convolution!r}. Pass "
        '`normalization` to `feature_pyramid`: "imagenet", or the layer that the '
        "network was trained with, such as keras.layers.Rescaling(1 / 127.5, -1). "
        "Pass `normalization=False` to keep images as they are.",
        stacklevel=4,
    )
    return []


def _expected(network):
    """Returns the preprocessing mode that a network expects, or None if unknown."""
    if type(network).__module__.startswith("keras_cv."):
        return "unit"  # what its own `include_rescaling` does
    if type(network).__module__.startswith("keras_hub."):
        pre_activation = getattr(network, "use_pre_activation", False)
        known = type(network).__name__ in _HUB_IMAGENET and not pre_activation
        return "torch" if known else None
    for pattern, kind in _APPLICATIONS.items():
        if re.fullmatch(pattern, network.name, re.IGNORECASE):
            return kind
    return None


def _first_on_raw_values(graph):
    """Returns the name of the first convolution on unscaled values, or None."""
    raw = {id(graph.image)}
    for call in graph.calls:
        if not any(id(tensor) in raw for tensor in call.inputs):
            continue
        if isinstance(call.operation, _CONVOLUTIONS):
            return call.name
        passing = isinstance(call.operation, _PASSING)
        if passing or type(call.operation).__name__ in _PASSING_OPERATIONS:
            raw |= {id(tensor) for tensor in call.outputs}
    return None
