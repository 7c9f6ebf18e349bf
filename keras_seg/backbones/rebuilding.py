"""Rebuilding of networks from a graph, with their weights."""

import keras

from keras_seg._keras_private import copy_lambda, freeze_inside
from keras_seg.backbones.graph import substitute
from keras_seg.layers import BatchNormalization, Conv2D, DepthwiseConv2D

# Faster layers with the same results.
_FASTER = {
    keras.layers.BatchNormalization: BatchNormalization,
    keras.layers.Conv2D: Conv2D,
    keras.layers.DepthwiseConv2D: DepthwiseConv2D,
}


def rebuild(graph, tensors, replacement, insertions=None, first=()):
    """Rebuilds the calls of a graph, with layers replaced or inserted.

    A built Keras layer cannot be modified, so every layer is recreated from its
    configuration, and its weights are copied.

    Args:
        graph: `Graph`.
        tensors: the tensors of the graph whose new counterparts are returned.
        replacement: function `call -> list of layers` that returns the unbuilt layers
            to call one after the other in place of a call, or an empty list to leave it
            out. The weights of the last one must have the same shapes.
        insertions: dict `{call name: layer}` of unbuilt layers to insert after the
            named calls; subsequent calls see their output.
        first: unbuilt layers applied to the input before all others.

    Returns:
        Pair of the new input tensor and the list of the new tensors. After an
        insertion, the new tensor is the output of the inserted layer.

    Raises:
        ValueError: If a layer cannot be recreated, does not accept its new input, or is
            shared by calls that would need different configurations.
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
            freeze_inside(layers[-1], call.operation)
        if call.name in insertions:
            outputs = [insertions[call.name](*outputs)]
        built |= zip(map(id, call.outputs), outputs, strict=True)
    return image, [built[id(tensor)] for tensor in tensors]


def copy(call, **changes):
    """Returns an unbuilt copy of a call's layer, with changes of its configuration."""
    operation = call.operation
    if type(operation) is keras.layers.Identity:
        # With the dtype policy that keras-hub passes, it has no configuration.
        dtype = operation.dtype_policy.name
        return keras.layers.Identity(name=call.name, dtype=dtype)
    if isinstance(operation, keras.layers.Lambda):
        return copy_lambda(operation, call.name)
    try:
        config = {**operation.get_config(), "name": call.name, **changes}
        kind = type(operation)
        return _FASTER.get(kind, kind).from_config(config)
    except Exception as error:
        raise ValueError(
            f"The layer {call.name!r} ({type(operation).__name__}) cannot be recreated "
            "from its configuration, which the layers of a backbone must support: "
            f"{error}"
        ) from error


def _run(call, layers, built):
    args, kwargs = substitute((call.args, call.kwargs), built)
    if layers and type(layers[-1]) is not type(call.operation):
        # A replacement need not accept the arguments that Keras adds automatically.
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
            f"The layer {call.name!r} ({type(call.operation).__name__}) does not "
            "accept the new output sizes of the layers before it. "
            f"Received: {shapes} ({error})"
        ) from error


def _require_same(layer, earlier):
    if {**layer.get_config(), "name": earlier.name} != earlier.get_config():
        raise ValueError(
            f"The layer {earlier.name!r} is called at several strides: each call would "
            "need another dilation, but they share one set of weights."
        )
