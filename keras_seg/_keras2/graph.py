"""Graphs of functional models: their calls, output shapes and copies."""

import functools
import re
import types

import keras
import tensorflow as tf
from keras.src.engine import base_layer, functional
from keras.src.layers.core.tf_op_layer import SlicingOpLambda, TFOpLambda

from keras_seg._keras2.symbolic_tensors import KerasTensor


class Function:
    """The used part of `keras.Function`: the calls between tensors, by depth."""

    def __init__(self, inputs, outputs):
        self.inputs = tf.nest.flatten(inputs)
        self.outputs = tf.nest.flatten(outputs)
        _, by_depth, _, _ = functional._map_graph_network(self.inputs, self.outputs)
        self._nodes_by_depth = {
            depth: [_node(node) for node in nodes] for depth, nodes in by_depth.items()
        }


def _node(node):
    operation = node.layer
    if isinstance(operation, TFOpLambda):
        # Keras 2 numbers operations per process, such as "tf.__operators__.add_108".
        name = re.search(r"(\w+?)(_\d+)?$", operation.name)[1]
        operation = type(operation)(operation.function, name=name)
    args = tuple(node.call_args)
    if isinstance(operation, SlicingOpLambda) and len(args) > 1:
        args = (args[0], _all_axes(args[1], args[0].shape.rank))
    return types.SimpleNamespace(
        is_input=node.is_input,
        operation=operation,
        arguments=types.SimpleNamespace(args=args, kwargs=dict(node.call_kwargs)),
        outputs=tf.nest.flatten(node.outputs),
    )


# The slice of a whole axis in Keras 2's format.
_ALL = {"start": None, "stop": None, "step": None}


def _all_axes(index, rank):
    """Replaces `...` in an index, because it cannot be saved."""
    index = list(index) if isinstance(index, (list, tuple)) else [index]
    if Ellipsis not in index:
        return tuple(index)
    place = index.index(Ellipsis)
    missing = rank - len(index) + 1
    return (*index[:place], *[_ALL] * missing, *index[place + 1 :])


def _compute_output_spec(layer, *args, **kwargs):
    inputs, *args = args
    return layer._infer_output_signature(inputs, tuple(args), kwargs, None)


def _compute_output_shape(model, input_shape):
    """Returns the output shape of a functional model with any operations."""
    structure, shapes = model.input, input_shape
    if isinstance(structure, dict):
        shapes = [input_shape[name] for name in sorted(structure)]
    elif isinstance(structure, KerasTensor):
        shapes = [input_shape]
    specs = [
        KerasTensor(shape, tensor.dtype)
        for shape, tensor in zip(shapes, model.inputs, strict=True)
    ]
    outputs = _compute_output_spec(model, tf.nest.pack_sequence_as(structure, specs))
    return tf.nest.map_structure(lambda tensor: tensor.shape, outputs)


def _clone_model(plain):
    @functools.wraps(plain)
    def clone_model(model, input_tensors=None, clone_function=None, call_function=None):
        if call_function is None:
            return plain(model, input_tensors, clone_function)
        return _rerun(model, clone_function, call_function)

    return clone_model


def _rerun(model, clone_function, call_function):
    tensors = {}
    for tensor in model.inputs:
        batch, *shape = tensor.shape
        tensors[id(tensor)] = keras.Input(shape, batch, tensor.name, tensor.dtype)

    def now(structure):
        return tf.nest.map_structure(
            lambda value: tensors.get(id(value), value), structure
        )

    function = Function(model.inputs, model.outputs)
    for depth in sorted(function._nodes_by_depth, reverse=True):
        for node in function._nodes_by_depth[depth]:
            if not node.is_input:
                args, kwargs = now((node.arguments.args, node.arguments.kwargs))
                layer = clone_function(node.operation)
                outputs = tf.nest.flatten(call_function(layer, *args, **kwargs))
                tensors |= zip(map(id, node.outputs), outputs, strict=True)
    return keras.Model(now(model.input), now(model.output), name=model.name)


def install():
    keras.Function = Function
    base_layer.Layer.compute_output_spec = _compute_output_spec
    functional.Functional.compute_output_shape = _compute_output_shape
    keras.models.clone_model = _clone_model(keras.models.clone_model)
