"""Feature pyramids: what the models see of a backbone."""

import math

import keras

from keras_seg.backbones.dilation import dilation
from keras_seg.backbones.graph import cut_layers, layer_outputs, strides
from keras_seg.backbones.rewriting import rebuild

# Mean and deviation of ImageNet's red, green and blue, of 255.
_IMAGENET = ((123.675, 58.395), (116.28, 57.12), (103.53, 57.375))


def feature_pyramid(model, output_stride=32, normalization=None, insert=None):
    """Makes a feature pyramid of a functional network, at any output stride.

    The pyramid is a new model with the weights of `model`, which stays as it is. Its
    outputs are a dict "level1" to "level5": level k has stride 2^k in the network as it
    was, and keeps that name when dilation gives it a smaller one (`level_info` tells).
    A level that the network lacks is absent. The tensor of a level is the one that the
    network declares (`pyramid_level_inputs` of keras-cv), else the last that every
    path to the next level passes through.

    Args:
        model: functional `keras.Model` with one image input, or a pyramid.
        output_stride: 8, 16 or 32 (also 4 and 2): no level gets a larger stride.
            Convolutions that would go beyond lose their stride and those behind them
            are dilated instead; names and shapes of all variables stay, so that weights
            saved at one output stride load at every other.
        normalization: what is done to the images first: None where the network does it
            itself, "imagenet" for `(x - mean) / deviation` of ImageNet's channels on
            0..255, or an unbuilt Keras layer.
        insert: function `(network, levels) -> {layer name: unbuilt layer}` that names
            layers to put into the network, each behind the layer of that name;
            `levels` is `{"level3": layer name, ...}`.

    Returns:
        `keras.Model` named "backbone", from images `(batch, height, width, channels)`
        to the dict of feature maps `(batch, ceil(height / stride), ...)`.

    Raises:
        TypeError: If `model` is no functional model.
        ValueError: If it has several inputs, if `output_stride` is not one of those
            above, or if a layer cannot be dilated.

    Example:

    ```python
    network = keras.applications.ResNet50(weights=None, include_top=False)
    pyramid = feature_pyramid(network, output_stride=8, normalization="imagenet")
    pyramid(images)["level5"]  # (batch, height / 8, width / 8, 2048)
    ```
    """
    _check(model, output_stride)
    names = _output_levels(model) if is_pyramid(model) else _levels(model)
    image, tensors = rebuild(
        model,
        replacement=dilation(model, output_stride),
        insertions=insert(model, names) if insert is not None else None,
        normalization=_normalization_layer(normalization),
    )
    outputs = {level: tensors[name] for level, name in names.items()}
    return keras.Model(image, outputs, name="backbone")


def is_pyramid(model):
    """Whether a model is a feature pyramid already: its outputs are named levels."""
    outputs = getattr(model, "output", None)
    return isinstance(outputs, dict) and all(
        name.startswith("level") for name in outputs
    )


def level_info(pyramid):
    """The true stride and the channels of each level of a pyramid.

    Args:
        pyramid: what `build` or `feature_pyramid` returned.

    Returns:
        dict `{"level4": (stride, channels), ...}`, both ints, in ascending order.

    Example:

    ```python
    level_info(build("resnet50", output_stride=8))["level5"]  # (8, 2048)
    ```
    """
    stride_of = strides(pyramid)
    return {
        level: (int(stride_of[name]), pyramid.output[level].shape[-1])
        for level, name in _output_levels(pyramid).items()
    }


def _check(model, output_stride):
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise TypeError(
            "A backbone must be a functional keras.Model, because its graph is "
            f"rewritten. Received: {model!r}"
        )
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        raise ValueError(
            "A backbone must have one input of shape (batch, height, width, channels). "
            f"Received: {model.name!r} with {[tuple(i.shape) for i in model.inputs]}"
        )
    if output_stride not in (2, 4, 8, 16, 32):
        raise ValueError(
            f"`output_stride` must be 2, 4, 8, 16 or 32. Received: {output_stride=}"
        )


def _output_levels(pyramid):
    """`{level: layer name}` of a model whose outputs are levels."""
    names = {id(tensor): name for name, tensor in layer_outputs(pyramid).items()}
    return {
        level: names[id(tensor)] for level, tensor in sorted(pyramid.output.items())
    }


def _levels(network):
    """`{level: layer name}` of a network: what it declares, else where it is cut."""
    stride_of = strides(network)
    levels = {}
    for name in cut_layers(network):
        stride = stride_of.get(name, 0)
        if stride >= 2 and math.log2(stride).is_integer():
            levels[_level(stride)] = name  # the last one stays
    # keras-cv's own digits are no strides in some families, so they are not read.
    declared = getattr(network, "pyramid_level_inputs", {})
    levels |= {_level(stride_of[name]): name for name in declared.values()}
    return dict(sorted(levels.items()))


def _level(stride):
    return f"level{int(math.log2(stride))}"


def _normalization_layer(normalization):
    if normalization == "imagenet":
        return keras.layers.Rescaling(
            [1 / deviation for _, deviation in _IMAGENET],
            [-mean / deviation for mean, deviation in _IMAGENET],
            name="normalization",
        )
    if normalization is None or isinstance(normalization, keras.layers.Layer):
        return normalization
    raise ValueError(
        '`normalization` must be None, "imagenet" or a Keras layer. '
        f"Received: {normalization=}"
    )
