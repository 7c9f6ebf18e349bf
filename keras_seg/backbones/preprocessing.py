"""What networks of other libraries expect images to be."""

import re
import warnings

import keras

from keras_seg.backbones.caffe_normalization import CaffeNormalization

# `keras.applications` names its networks so. What each expects is what the function
# `preprocess_input` of its module does, in the words of Keras.
_APPLICATIONS = {
    r"mobilenet(v2)?_[\d.]+_(\d+|None)": "tf",
    r"mobilenetv3(small|large)": "tf",
    r"resnet\d+v2": "tf",
    r"inception_v3|inception_resnet_v2|xception|nasnet(_?mobile|_?large)?": "tf",
    r"efficientnetv2-[sml]": "128",
    r"efficientnetb\d|efficientnetv2-b\d|densenet\d+|convnext_\w+": "torch",
    r"resnet\d+|vgg1[69]": "caffe",
}
# Classes of keras-hub's networks whose published presets all take ImageNet's mean and
# deviation. Those of other classes differ from preset to preset.
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
# Layers that hand on the values of an image as they are.
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
    """The layers that images pass first where nobody says which.

    Where 0..255 would reach a network's first convolution, the preprocessing that it is
    known to expect is made. For a network that is not known a warning says so.

    Args:
        network: functional `keras.Model`.
        graph: `Graph` of it.
        imagenet: function `channels -> layer` that normalises by ImageNet's mean and
            deviation.

    Returns:
        List of unbuilt layers, empty where the network scales images itself or is not
        known.
    """
    convolution = _first_on_raw_values(graph)
    if convolution is None:
        return []
    kind, channels = _expected(network), graph.image.shape[-1]
    if kind == "torch":
        return [imagenet(channels)]
    if kind == "caffe" and channels == 3:
        return [CaffeNormalization(name="normalization")]
    if kind in ("tf", "128"):
        scale = {"tf": 127.5, "128": 128}[kind]
        return [keras.layers.Rescaling(1 / scale, -1.0, name="normalization")]
    warnings.warn(
        f"The network {network.name!r} gets images in 0..255 as they are: nothing "
        f"scales them before its first convolution, {convolution!r}. Pass "
        '`normalization` to `feature_pyramid`: "imagenet", or a layer that does what '
        "the network was trained on, such as keras.layers.Rescaling(1 / 127.5, -1). "
        "`normalization=False` leaves images as they are.",
        stacklevel=4,
    )
    return []


def _expected(network):
    """What a network expects, a key of those above, or None where it is not known."""
    if type(network).__module__.startswith("keras_hub."):
        pre_activation = getattr(network, "use_pre_activation", False)
        known = type(network).__name__ in _HUB_IMAGENET and not pre_activation
        return "torch" if known else None
    for pattern, kind in _APPLICATIONS.items():
        if re.fullmatch(pattern, network.name, re.IGNORECASE):
            return kind
    return None


def _first_on_raw_values(graph):
    """The name of the first convolution that sees the image's own values, or None."""
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
