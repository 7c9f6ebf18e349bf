import keras

from keras_seg._keras_private import takes_training, without_autocast
from keras_seg.backbones.graph import flatten, is_functional, substitute
from keras_seg.ops.recomputation import recomputed
from keras_seg.ops.xla import tensorflow
from keras_seg.training.graph_parts import split


def rematerialize(model: keras.Model) -> int:
    """Makes a model recompute its feature maps for the gradient.

    A training step then keeps only the maps between the parts of the model, such as
    residual blocks, and the backward pass computes each part again before its gradient.
    It needs less memory and more time (see docs/benchmarks.md); losses, gradients,
    moving statistics and dropout are the same. Saved files are too: call this function
    again after loading a model.

    Args:
        model: functional model with one input, such as the backbone of a network that
            is not compiled yet, `model.get_layer("backbone")`.

    Returns:
        int, the number of parts.

    Raises:
        RuntimeError: On Keras 2, and Keras 3 before 3.9.
        ValueError: If `model` is not a functional model with one input, or a layer in
            it has an `activity_regularizer`.

    Example:
        ```python
        model = SPNet(11, build("efficientnet_lite_b0", 16))
        rematerialize(model.get_layer("backbone"))
        model.compile("sgd", SegmentationCrossentropy())
        ```

    References:
        [Chen et al., 2016](https://arxiv.org/abs/1604.06174)
    """
    if not hasattr(keras, "remat"):
        raise RuntimeError(
            "`rematerialize` needs `keras.remat`, which Keras has from 3.9 on"
        )
    if not is_functional(model) or len(model.inputs) != 1:
        raise ValueError(
            "`model` must be a functional model with one input. Received: "
            f"{type(model).__name__} {getattr(model, 'name', model)!r}"
        )
    graph = flatten(model)
    for call in graph.calls:
        if getattr(call.operation, "activity_regularizer", None) is not None:
            raise ValueError(
                "Losses within a model cannot be rematerialized. Received: layer "
                f"{call.operation.name!r} with an `activity_regularizer`"
            )
    parts = split(graph)
    infer = model.call

    def call_in_parts(inputs, training=None, mask=None):
        if not training:
            return infer(inputs, training=training, mask=mask)
        image = keras.ops.convert_to_tensor(inputs, dtype=graph.image.dtype)
        values = {id(graph.image): image}
        for part in parts:
            _run(part, graph, values)
        outputs = [values[id(tensor)] for tensor in graph.outputs]
        return keras.tree.pack_sequence_as(model.output, outputs)

    model.call = call_in_parts
    return len(parts)


def _run(calls, graph, values):
    """Runs a part in training, and adds the maps that it returns to `values`.

    Args:
        calls: list of the part's calls.
        graph: the whole graph.
        values: dict `{tensor id: value}`, of the image and what earlier parts return.
    """
    tensors, returned = _ends(calls, graph)
    layers = [x.operation for x in calls if isinstance(x.operation, keras.Layer)]
    weights = _unique(v for layer in layers for v in layer.trainable_variables)
    states = _unique(v for layer in layers for v in layer.non_trainable_variables)
    state_values = _values(states)
    updated = []  # indices of states

    def compute(*inputs):
        # A pure function: computed again, it must neither update moving statistics
        # once more nor draw other random numbers.
        inner = dict(zip(tensors, inputs, strict=False))
        variables = (*weights, *states)
        given = (*inputs[len(tensors) :], *state_values)
        scope = keras.StatelessScope(zip(variables, given, strict=True))
        before = [scope.get_current_value(state) for state in states]
        with recomputed(), scope:
            for call in calls:
                args, kwargs = substitute((call.args, call.kwargs), inner)
                outputs = call.operation(*args, **_in_training(call, kwargs))
                outputs = keras.tree.flatten(outputs)
                inner |= zip(map(id, call.outputs), outputs, strict=True)
        after = [scope.get_current_value(state) for state in states]
        updated[:] = [i for i, value in enumerate(after) if value is not before[i]]
        return [inner[tensor] for tensor in returned] + [after[i] for i in updated]

    inputs = [values[tensor] for tensor in tensors]
    results = keras.remat(compute)(*inputs, *_values(weights))
    values |= zip(returned, results, strict=False)
    for index, value in zip(updated, results[len(returned) :], strict=True):
        # A copy, because assignments on PyTorch change what was read before.
        state_values[index] = state_values[index] * 1
        states[index].assign(value)


def _ends(calls, graph):
    """Returns the ids of the tensors that a part takes, and that it returns.

    The last computed tensor is the first of the latter.
    """
    produced = [id(tensor) for call in calls for tensor in call.outputs]
    consumed = dict.fromkeys(id(tensor) for call in calls for tensor in call.inputs)
    inside = {id(call) for call in calls}
    needed = {id(tensor) for tensor in graph.outputs}
    needed |= {
        id(tensor)
        for call in graph.calls
        if id(call) not in inside
        for tensor in call.inputs
    }
    taken = [tensor for tensor in consumed if tensor not in produced]
    return taken, [tensor for tensor in reversed(produced) if tensor in needed]


def _in_training(call, kwargs):
    """Returns the keyword arguments of a call in training, as functional models do."""
    kwargs = {name: value for name, value in kwargs.items() if name != "training"}
    if isinstance(call.operation, keras.Layer) and takes_training(call.operation):
        kwargs["training"] = True
    return kwargs


def _values(variables):
    # To Keras, a variable of TensorFlow is a tensor, which is read when it is used.
    read = (tensorflow() or keras.ops).convert_to_tensor
    with without_autocast():
        return [read(variable.value) for variable in variables]


def _unique(values):
    return list({id(value): value for value in values}.values())
