import keras

from keras_seg._keras_private import layers_within
from keras_seg.backbones.graph import is_functional, nodes
from keras_seg.layers import NetworkInput, NetworkOutput, NetworkTensor

_MARKERS = NetworkInput, NetworkOutput, NetworkTensor


def functional_model(model):
    """Returns a functional model whose own graph has all marker layers.

    A `keras.Sequential` becomes functional, because Keras 3 has no `output` for one
    that was never called on another tensor. Networks with marker layers that are called
    as layers of the model are replaced by their layers, so that the marks are found.

    Args:
        model: functional `keras.Model`. It is returned itself if nothing changes.

    Raises:
        TypeError: If the model is not functional, or is a Sequential that is not built.
    """
    if isinstance(model, keras.Sequential) and model.built:
        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    if not is_functional(model):
        raise TypeError(
            "`model` must be a functional keras.Model, whose layers are known. "
            f"Received: {type(model).__name__}"
        )
    if not any(map(_has_marks, model.layers)):
        return model
    operations = {}
    outputs = _run(model, model.inputs, operations)
    names = {operation.name for operation in operations.values()}
    if len(names) < len(operations):  # as in an ensemble of two networks
        return model
    return keras.Model(model.input, outputs, name=model.name)


def _has_marks(layer):
    is_network = is_functional(layer) or isinstance(layer, keras.Sequential)
    return is_network and any(isinstance(x, _MARKERS) for x in layers_within(layer))


def _run(model, inputs, operations):
    """Calls the layers of a model on other inputs, and those of networks with marks.

    Args:
        model: functional `keras.Model`.
        inputs: list of symbolic tensors.
        operations: dict that collects `{id: operation}` of all calls.

    Returns:
        Symbolic tensors in the structure of the model's outputs.
    """
    found = dict(zip(map(id, model.inputs), inputs, strict=True))

    def new(value):
        return found.get(id(value), value)

    for operation, arguments, tensors in nodes(model):
        args, kwargs = keras.tree.map_structure(new, arguments)
        if _has_marks(operation):
            inner = functional_model(operation)
            given = keras.tree.flatten((args, kwargs))
            given = [x for x in given if isinstance(x, keras.KerasTensor)]
            outputs = _run(inner, given, operations)
        else:
            outputs = operation(*args, **kwargs)
            operations[id(operation)] = operation
        flat = keras.tree.flatten(outputs)
        found |= zip(map(id, tensors), flat, strict=True)
    return keras.tree.map_structure(new, model.output)
