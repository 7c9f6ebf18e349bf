"""Networks built anew from a graph, with their weights."""

import keras

from keras_seg._keras_private import lambda_output_shape
from keras_seg.backbones.graph import substitute
from keras_seg.layers import BatchNormalization, Conv2D, DepthwiseConv2D

# Layers that do the same faster.
_FASTER = {
    keras.layers.BatchNormalization: BatchNormalization,
    keras.layers.Conv2D: Conv2D,
    keras.layers.DepthwiseConv2D: DepthwiseConv2D,
}


def rebuild(graph, tensors, replacement, insertions=None, first=()):
    """Builds the calls of a graph, with layers replaced or inserted.

    A built Keras layer cannot be edited, so every layer is made anew from its
    configuration and takes its weights along.

    Args:
        graph: `Graph`.
        tensors: the tensors of the graph to return anew.
        replacement: function `call -> list of layers` that gives unbuilt layers to be
            called one after the other in place of one, none to leave it out; the last
            has weights of the same shapes.
        insertions: dict `{call name: layer}`: unbuilt layers that are put behind those
            named; what follows sees their output.
        first: unbuilt layers that the input passes first.

    Returns:
        Pair of the new input tensor and the list of new tensors; those behind which
        something is inserted are its outputs.
    """
    insertions = insertions or {}
    image = keras.Input(
        batch_shape=graph.image.shape, dtype=graph.image.dtype, name=graph.image.name
    )
    start = image
    for layer in first:
        start = layer(start)
    built = {id(graph.image): start}
    made = {}  # layers that are called several times share their variables
    for call in graph.calls:
        layers = replacement(call)
        weights = getattr(call.operation, "weights", [])
        earlier = made.get(id(call.operation)) if weights else None
        if earlier is not None:
            _require_same(layers[-1], earlier)
            layers[-1] = earlier
        outputs = _run(call, layers, built)
        if weights and earlier is None:
            made[id(call.operation)] = layers[-1]
            layers[-1].set_weights(call.operation.get_weights())
        if call.name in insertions:
            outputs = [insertions[call.name](*outputs)]
        built |= zip(map(id, call.outputs), outputs, strict=True)
    return image, [built[id(tensor)] for tensor in tensors]


def copy(call, **changes):
    """An unbuilt copy of what a call calls, with some of its configuration changed."""
    operation = call.operation
    if type(operation) is keras.layers.Identity:
        # Where keras-hub gives it a dtype policy, it has no configuration.
        return keras.layers.Identity(name=call.name)
    if isinstance(operation, keras.layers.Lambda):
        # Its function would lose the names that it refers to.
        return keras.layers.Lambda(
            operation.function,
            lambda_output_shape(operation),
            operation.mask,
            operation.arguments,
            name=call.name,
        )
    try:
        config = {**operation.get_config(), "name": call.name, **changes}
        kind = type(operation)
        return _FASTER.get(kind, kind).from_config(config)
    except Exception as error:
        raise ValueError(
            f"The layer {call.name!r} ({type(operation).__name__}) cannot be made "
            f"anew from its configuration, as a backbone's layers must be: {error}"
        ) from error


def _run(call, layers, built):
    args, kwargs = substitute((call.args, call.kwargs), built)
    if layers and type(layers[-1]) is not type(call.operation):
        # Another layer need not take what Keras adds by itself.
        kwargs = {name: value for name, value in kwargs.items() if value is not None}
    try:
        for layer in layers[:-1]:
            args = (layer(args[0]), *args[1:])
        if not layers:
            return [args[0]]
        return keras.tree.flatten(layers[-1](*args, **kwargs))
    except Exception as error:
        shapes = [
            tuple(value.shape)
            for value in keras.tree.flatten(args)
            if isinstance(value, keras.KerasTensor)
        ]
        raise ValueError(
            f"The layer {call.name!r} ({type(call.operation).__name__}) does not take "
            "the sizes that the layers before it have now. "
            f"Received: {shapes} ({error})"
        ) from error


def _require_same(layer, earlier):
    if {**layer.get_config(), "name": earlier.name} != earlier.get_config():
        raise ValueError(
            f"The layer {earlier.name!r} is called at several strides, and would have "
            "to be dilated differently in each call, but has one set of weights."
        )
