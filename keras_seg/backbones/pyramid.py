"""Feature pyramids: what the models see of a backbone."""

import keras

from keras_seg.backbones.dilation import dilation
from keras_seg.backbones.feature_pyramid_model import FeaturePyramid
from keras_seg.backbones.geometry import is_pyramid, output_levels
from keras_seg.backbones.graph import flatten, is_functional
from keras_seg.backbones.levels import level_tensors
from keras_seg.backbones.preprocessing import preprocessing
from keras_seg.backbones.rebuilding import rebuild

_NAME = "backbone"

# Mean and deviation of ImageNet's red, green and blue, of 255.
_IMAGENET = ((123.675, 58.395), (116.28, 57.12), (103.53, 57.375))


def feature_pyramid(model, output_stride=32, normalization=None, insert=None):
    """Makes a feature pyramid of a functional network, at any output stride.

    The pyramid is a new model with the weights of `model`, which stays as it is. Its
    outputs are a dict "level1" to "level5": level k has stride 2^k in the network as it
    was, and keeps that name when dilation gives it a smaller one (`level_info` tells).
    A level that the network lacks is absent. The tensor of a level is the one that the
    network declares (`pyramid_level_inputs` of keras-cv, `pyramid_outputs` of
    keras-hub, under their true strides), else the last that every path to the next
    level passes through; the expansion that opens an inverted residual block counts
    to the block, so that MobileNetV2's level 2 has 24 channels, not 144.

    The pyramid is flat: models within the network, and layers such as keras-cv's
    `CrossStagePartial` that consist of others, are taken apart, so that each
    convolution can be dilated. Layers keep their names, those from inside another layer
    with its name in front.

    Args:
        model: functional `keras.Model` with one image input, or a pyramid.
        output_stride: 8, 16 or 32 (also 4 and 2): no level gets a larger stride.
            Convolutions and poolings that would go beyond lose their stride and those
            behind them are dilated instead; order and shapes of all variables stay, so
            that weights saved at one output stride load at every other.
        normalization: what is done to the images first. None: what the network is known
            to expect, by its name in keras.applications or its class in keras-hub, or
            nothing where it scales images itself; for another network, whose first
            convolution would see 0..255, a warning says so. "imagenet":
            `(x - mean) / deviation` of ImageNet's channels on 0..255. An unbuilt Keras
            layer: that. False: nothing.
        insert: function `(layer names, levels) -> {layer name: unbuilt layer}` that
            names layers to put into the network, each behind the layer of that name;
            `layer names` is a list in the order of the calls, `levels` is
            `{"level3": layer name, ...}`.

    Returns:
        `keras.Model` named "backbone", from images `(batch, height, width, channels)`
        to the dict of feature maps `(batch, ceil(height / stride), ...)`. A network of
        one fixed size keeps it. The paths of its variables begin with "backbone/".

    Raises:
        TypeError: If `model` is no functional model.
        ValueError: If it has several inputs, if `output_stride` is not one of those
            above, if no tensor has a stride, or if a layer cannot be dilated (a
            transformer's attention, say) or made anew; the layer is named.

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
    """`feature_pyramid` of a network that is known to be one, for the catalog.

    Args:
        network: functional `keras.Model`.
        output_stride: int.
        first: unbuilt layers that the images pass first.
        insert: see `feature_pyramid`.
        adapt: function `(call, layers) -> layers` that changes what replaces a call.
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
            "A backbone must have feature maps with a stride of 2 or more. "
            f"Received: {network.name!r}, which has none."
        )
    producers = graph.producers()
    names = [call.name for call in graph.calls]
    insertions = insert and insert(
        names, {level: names[producers[id(t)]] for level, t in levels.items()}
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
    """What images pass first, as a list: see `feature_pyramid`."""
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
    """`(x - mean) / deviation` of ImageNet; beyond three channels they repeat."""
    statistics = [_IMAGENET[channel % 3] for channel in range(channels)]
    return keras.layers.Rescaling(
        [1 / deviation for _, deviation in statistics],
        [-mean / deviation for mean, deviation in statistics],
        name="normalization",
    )
