"""Facts about a functional network that are read from its graph."""

import math

import keras

# Multiples of every stride in use, and far enough apart to tell the strides.
_PROBES = (512, 1024)


def layer_outputs(network):
    """`{layer name: output tensor}` in topological order, the input layer included."""
    try:
        return {layer.name: layer.output for layer in network.operations}
    except AttributeError as error:
        raise ValueError(
            "Each layer of a backbone must be called once, with one output. "
            f"Received: {network.name!r} ({error})"
        ) from error


def strides(network):
    """`{layer name: stride}` of every feature map of a network.

    The stride is found from symbolic sizes of the outputs at two sizes of the input:
    the quotient of the differences, so that borders cut off by "valid" convolutions do
    not count. Outputs that are no feature maps, such as pooled vectors, are left out.
    """
    outputs = {
        name: tensor
        for name, tensor in layer_outputs(network).items()
        if isinstance(tensor, keras.KerasTensor) and len(tensor.shape) == 4
    }
    function = keras.Function(network.inputs, list(outputs.values()))
    channels = network.inputs[0].shape[-1]
    small, large = (
        function.compute_output_spec([keras.KerasTensor((1, size, size, channels))])
        for size in _PROBES
    )
    growth = [b.shape[1] - a.shape[1] for a, b in zip(small, large, strict=True)]
    return {
        name: (_PROBES[1] - _PROBES[0]) / cells
        for name, cells in zip(outputs, growth, strict=True)
        if cells > 0
    }


def producers(network):
    """`{layer name: names of the layers whose outputs it is called on}`."""
    names = {id(tensor): name for name, tensor in layer_outputs(network).items()}
    return {
        layer.name: []
        if isinstance(layer, keras.layers.InputLayer)
        else [names[id(tensor)] for tensor in keras.tree.flatten(layer.input)]
        for layer in network.operations
    }


def cut_layers(network):
    """Names of the layers whose output every path through the network passes."""
    inputs_of = producers(network)
    names = list(inputs_of)
    last_use = {name: math.inf if name == names[-1] else -1 for name in names}
    for index, name in enumerate(names):
        last_use |= dict.fromkeys(inputs_of[name], index)
    cuts, in_use_until = [], -1
    for index, name in enumerate(names):
        if in_use_until <= index:  # nothing from before is used behind this layer
            cuts.append(name)
        in_use_until = max(in_use_until, last_use[name])
    return cuts
