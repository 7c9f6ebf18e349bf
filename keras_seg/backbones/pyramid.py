"""Feature pyramids, the form of backbones that the models use."""

from collections.abc import Callable

import keras

from keras_seg.backbones.dilation import dilation
from keras_seg.backbones.feature_pyramid_model import FeaturePyramid
from keras_seg.backbones.geometry import is_pyramid, output_levels
from keras_seg.backbones.graph import flatten, is_functional
from keras_seg.backbones.levels import level_tensors
from keras_seg.backbones.preprocessing import preprocessing
from keras_seg.backbones.rebuilding import rebuild

_NAME = "backbone"

# Means and standard deviations of ImageNet's red, green and blue, in 0..255.
_IMAGENET = ((123.675, 58.395), (116.28, 57.12), (103.53, 57.375))


def feature_pyramid(
    model: keras.Model,
    output_stride: int = 32,
    normalization: str | keras.layers.Layer | None = None,
    insert: Callable | None = None,
) -> keras.Model:
    """Builds a feature pyramid from a functional network, at any output stride.

    The pyramid is a new model with copies of the weights of `model`, which remains
    unchanged. Its outputs are a dict "level1" to "level5". Level k has stride 2^k in
    the original network and keeps its name if dilation reduces its stride; `level_info`
    returns the true strides. Levels that the network lacks are absent.

    The tensor of a level is the one that the network declares (`pyramid_level_inputs`
    of keras-cv, `pyramid_outputs` of keras-hub, matched by their true strides), or else
    the last one that every path to the next level passes through. The expansion that
    opens an inverted residual block belongs to the block, so MobileNetV2's level 2 has
    24 channels, not 144.

    The pyramid is flat: nested models, and layers that consist of other layers, such as
    keras-cv's `CrossStagePartial`, are unpacked so that each convolution can be
    dilated. Layers keep their names; those from inside another layer are prefixed with
    its name.

    Args:
        model: functional `keras.Model` with one image input, or a feature pyramid.
        output_stride: 8, 16 or 32 (also 2 and 4). No level gets a larger stride:
            convolutions and poolings that would exceed it lose their stride, and those
            after them are dilated instead. The order and shapes of all variables stay
            the same, so weights saved at one output stride can be loaded at any other.
        normalization: normalization of the images. With None, it is the one that the
            network is known to expect, by its name in keras.applications or its class
            in keras-hub, or none if the network scales images itself. For an unknown
            network whose first convolution would see 0..255, a warning is issued.
            "imagenet" computes `(x - mean) / deviation` with ImageNet's statistics for
            0..255. An unbuilt Keras layer is used as it is. False disables
            normalization.
        insert: function `(layer names, levels) -> {layer name: unbuilt layer}` that
            returns layers to insert into the network, each after the layer of the given
            name. `layer names` is a list in the order of the calls, `levels` is
            `{"level3": layer name, ...}`.

    Returns:
        A `keras.Model` named "backbone" from images `(batch, height, width, channels)`
        to the dict of feature maps
        `(batch, ceil(height / stride), ceil(width / stride), level channels)`. A fixed
        input size of the network is kept. The paths of its variables begin with
        "backbone/".

    Raises:
        TypeError: If `model` is not a functional model.
        ValueError: If the model has several inputs, if `output_stride` has another
            value, if no tensor has a stride, if `insert` names an unknown layer, or if
            a layer cannot be dilated (such as a transformer's attention) or recreated.
            The error names the layer.

    Example:
        ```python
        network = keras.applications.ResNet50(weights=None, include_top=False)
        pyramid = feature_pyramid(network, output_stride=8, normalization="imagenet")
        pyramid(images)["level5"]  # (batch, height / 8, width / 8, 2048)
        ```
    """
    _check(model)
    if normalization is None and not is_pyramid(model):
        first = preprocessing(model, flatten(model), imagenet_rescaling)
    else:
        first = normalization_layers(normalization, model.input_shape[-1])
    return make_pyramid(model, output_stride, first, insert)


def make_pyramid(network, output_stride, first=(), insert=None, adapt=None):
    """Builds the feature pyramid of a network that needs no checks, for the catalog.

    Args:
        network: functional `keras.Model`.
        output_stride: int.
        first: unbuilt layers applied to the images before the network.
        insert: see `feature_pyramid`.
        adapt: function `(call, layers) -> layers` that modifies the layers that replace
            a call.

    Returns:
        A `FeaturePyramid` named "backbone".

    Raises:
        ValueError: If `output_stride` is invalid, if no tensor has a stride, if
            `insert` names an unknown layer, or if a layer cannot be dilated or
            recreated.
    """
    if output_stride not in (2, 4, 8, 16, 32):
        raise ValueError(
            f"`output_stride` must be 2, 4, 8, 16 or 32. Received: {output_stride=}"
        )
    graph = flatten(network)
    levels = output_levels(network, graph) or level_tensors(graph)
    graph.keep(levels.values())
    if not levels:
        raise ValueError(
            "A backbone must have feature maps with a stride of 2 or another power of "
            f"2. Received: {network.name!r}, which has none."
        )
    producers = graph.producers()
    names = [call.name for call in graph.calls]
    insertions = insert and insert(
        names, {level: names[producers[id(t)]] for level, t in levels.items()}
    )
    unknown = sorted((insertions or {}).keys() - set(names))
    if unknown:
        raise ValueError(
            "`insert` must return names of layers that lead to a level. "
            f"Received: {', '.join(map(repr, unknown))}; {network.name!r} has: "
            f"{', '.join(names)}"
        )
    dilated = dilation(graph, output_stride, network.name)
    with keras.name_scope(_NAME):
        image, tensors = rebuild(
            graph,
            list(levels.values()),
            lambda call: adapt(call, dilated(call)) if adapt else dilated(call),
            insertions,
            first,
        )
    outputs = dict(zip(levels, tensors, strict=True))
    return FeaturePyramid(image, outputs, name=_NAME)


def _check(model):
    if not is_functional(model):
        raise TypeError(
            "A backbone must be a functional keras.Model, because its graph is "
            f"rewritten. Received: {model!r}"
        )
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        raise ValueError(
            "A backbone must have one input of shape (batch, height, width, channels). "
            f"Received: {model.name!r} with {[tuple(i.shape) for i in model.inputs]}"
        )


def normalization_layers(normalization, channels=3):
    """Returns the list of layers for an argument `normalization`."""
    if normalization is None or normalization is False:
        return []
    if isinstance(normalization, keras.layers.Layer):
        return [normalization]
    if normalization == "imagenet":
        return [imagenet_rescaling(channels)]
    raise ValueError(
        '`normalization` must be None, False, "imagenet" or a Keras layer. '
        f"Received: {normalization=}"
    )


def imagenet_rescaling(channels=3):
    """Returns a layer that normalizes by ImageNet's mean and standard deviation.

    The statistics repeat for more than three channels.
    """
    statistics = [_IMAGENET[channel % 3] for channel in range(channels)]
    return keras.layers.Rescaling(
        [1 / deviation for _, deviation in statistics],
        [-mean / deviation for mean, deviation in statistics],
        name="normalization",
    )
