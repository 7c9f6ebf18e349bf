"""What this package takes from Keras 3, supplied to Keras 2 beside TensorFlow 2.15.

tensorflow-addons needs Keras 2, and no other file knows of it: this one is imported
where `keras.__version__` begins with 2. It gives Keras 2 what it lacks, in the places
where Keras 3 has it, and extends what takes more on Keras 3; what Keras 2 can do, it
does as before. `keras.ops` is that of keras-core, which keras-cv brings along. What is
missing there, or has other dtypes or fewer digits than on Keras 3, is TensorFlow's.

What works so, and what does not, is in docs/addons.md.
"""

import contextlib
import functools
import inspect
import io
import operator
import re
import sys
import types

import keras
import numpy as np
import tensorflow as tf
from keras.src.engine import base_layer, functional, keras_tensor
from keras.src.layers.convolutional.base_conv import Conv
from keras.src.layers.core.tf_op_layer import SlicingOpLambda, TFOpLambda
from keras.src.layers.normalization.batch_normalization import BatchNormalizationBase
from keras.src.optimizers.legacy.optimizer_v2 import OptimizerV2
from keras.src.optimizers.optimizer import CallableList, _BaseOptimizer

with contextlib.redirect_stdout(io.StringIO()):  # it tells its backend
    import keras_core

_PACKAGE = __name__.partition(".")[0] + "."


# --- Symbolic tensors -----------------------------------------------------------------


class _SymbolicTensor(type):
    """What makes Keras 2's symbolic tensors pass for, and look like, Keras 3's."""

    def __instancecheck__(cls, value):
        return isinstance(value, keras_tensor.KerasTensor)

    def __call__(cls, shape, dtype="float32", name=None):
        return keras_tensor.KerasTensor(tf.TensorSpec(shape, dtype), name=name)


class KerasTensor(metaclass=_SymbolicTensor):
    """`keras.KerasTensor(shape, dtype, name)`."""


def _is_symbolic(arguments):
    return any(isinstance(leaf, KerasTensor) for leaf in tf.nest.flatten(arguments))


# --- keras.ops, keras.random, keras.tree ----------------------------------------------


@keras.saving.register_keras_serializable(package="keras_seg")
class Operation(keras.layers.Layer):
    """An op of `keras.ops` in a functional model, where Keras 3 has an `Operation`.

    Args:
        function: str. The name of the op.
    """

    def __init__(self, function, **kwargs):
        super().__init__(**kwargs)
        self.function = function

    @tf.autograph.experimental.do_not_convert
    def call(self, *args, training=None, **kwargs):
        return _OPS[self.function](*args, **kwargs)

    def get_config(self):
        return super().get_config() | {"function": self.function}


def _map(function, xs):
    sample = function(tf.nest.map_structure(lambda x: x[0], xs))
    signature = tf.nest.map_structure(tf.TensorSpec.from_tensor, sample)
    return tf.map_fn(function, xs, fn_output_signature=signature)


def _fori_loop(lower, upper, body, values):
    # Unrolled: this XLA takes no loop over tensors with an unknown axis.
    for index in range(lower, upper):
        values = body(index, values)
    return values


def _pad(x, pad_width, mode="constant", constant_values=None):
    return tf.pad(x, pad_width, mode.upper(), constant_values or 0)


def _matmul(first, second):
    if min(first.shape.rank, second.shape.rank) == 1:
        return tf.tensordot(first, second, 1)
    return tf.matmul(first, second)


def _psnr(first, second, max_val):
    first, second = (tf.cast(x, keras.backend.floatx()) for x in (first, second))
    error = tf.reduce_mean(tf.math.squared_difference(first, second))
    return 20 * tf.math.log(max_val / tf.sqrt(error)) / tf.math.log(10.0)


def _weak(function):
    """Numbers take the dtype of the tensors: keras-core makes 64 bits of them."""

    @functools.wraps(function)
    def op(*args):
        dtypes = [x.dtype for x in args if hasattr(x, "dtype") and x.dtype != bool]
        return function(
            *[
                x if hasattr(x, "dtype") else tf.convert_to_tensor(x, *dtypes[:1])
                for x in args
            ]
        )

    return op


def _convert_to_numpy(x):
    # By way of a tensor, for variables of several replicas.
    return np.array(tf.convert_to_tensor(x) if isinstance(x, tf.Variable) else x)


def _full(shape, value, dtype=None):
    return tf.cast(tf.fill(shape, value), dtype or keras.backend.floatx())


def _mean(x, axis=None, keepdims=False):
    # In float32 at least: keras-core sums float16 in float16.
    x = tf.convert_to_tensor(x)
    wide = tf.float64 if x.dtype == tf.float64 else tf.float32
    mean = tf.reduce_mean(tf.cast(x, wide), axis, keepdims)
    return tf.cast(mean, x.dtype) if x.dtype.is_floating else mean


_OPS = {
    name: function
    for name, function in vars(keras_core.ops).items()
    if not name.startswith("_") and inspect.isfunction(function)
} | {
    "array": keras_core.ops.convert_to_tensor,
    "convert_to_numpy": _convert_to_numpy,
    "custom_gradient": tf.custom_gradient,
    "einsum": tf.einsum,
    "fori_loop": _fori_loop,
    "full": _full,
    "map": _map,
    "matmul": _matmul,
    "maximum": _weak(tf.maximum),
    "mean": _mean,
    "minimum": _weak(tf.minimum),
    "pad": _pad,
    "psnr": _psnr,
    "round": tf.round,
    "where": _weak(tf.where),
}


def _on_symbolic_tensors(name, function):
    @functools.wraps(function)
    def op(*args, **kwargs):
        if _is_symbolic((args, kwargs)):
            return Operation(name)(*args, **kwargs)
        return function(*args, **kwargs)

    return op


def _ops():
    module = types.ModuleType("keras.ops")
    for name, function in _OPS.items():
        setattr(module, name, _on_symbolic_tensors(name, function))
    module.nn, module.image = module, keras_core.ops.image
    return module


class SeedGenerator:
    """`keras.random.SeedGenerator`: the numbers are those of TensorFlow's generator.

    So `keras.utils.set_random_seed` seeds them too.
    """

    def __init__(self, seed=None, name=None):
        self.seed = seed


def _normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    dtype = dtype or keras.backend.floatx()
    if isinstance(seed, int):
        return tf.random.stateless_normal(shape, (seed, 0), mean, stddev, dtype)
    return tf.random.normal(shape, mean, stddev, dtype)


# --- Graphs of functional models ------------------------------------------------------


class Function:
    """What is read of `keras.Function`: the calls between tensors, by depth."""

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
        # Keras 2 counts the operations of a process: "tf.__operators__.add_108".
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


# How Keras 2 keeps the slice of a whole axis.
_ALL = {"start": None, "stop": None, "step": None}


def _all_axes(index, rank):
    """An index without `...`, which cannot be saved."""
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
    """That of a functional model, whatever operations and constants are in it."""
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


# --- Layers, losses and metrics of this package ---------------------------------------


def _known(shape):
    """Shapes as tuples, as Keras 3 gives them."""
    return tf.nest.map_structure(
        lambda x: tuple(x) if isinstance(x, tf.TensorShape) else x, shape
    )


def _building(build):
    """A `build` that may be called by itself, as layers call those of their parts."""

    @functools.wraps(build)
    def wrapped(self, input_shape):
        if not self.built:
            build(self, _known(input_shape))
            base_layer.Layer.build(self, input_shape)
            _name_paths(self, self.name)

    return wrapped


def _prepare(cls):
    """What Keras calls of a class of this package is not rewritten by AutoGraph."""
    if not cls.__module__.startswith(_PACKAGE):
        return
    for name in ("call", "update_state", "result"):
        if name in vars(cls):
            function = vars(cls)[name]
            plain = tf.autograph.experimental.do_not_convert(function)
            plain.__signature__ = inspect.signature(function)
            setattr(cls, name, plain)
    if issubclass(cls, base_layer.Layer):
        if "build" in vars(cls):
            cls.build = _building(vars(cls)["build"])
        if "call" in vars(cls):
            _allow_training(cls)


def _allow_training(cls):
    """Any layer may be called with `training`, as on Keras 3."""
    if "training" not in inspect.signature(cls.call).parameters:

        def call(self, *args, training=None, **kwargs):
            return base_layer.Layer.__call__(self, *args, **kwargs)

        cls.__call__ = call


def _prepare_subclasses(base):
    @classmethod
    def init_subclass(cls, **kwargs):
        super(base, cls).__init_subclass__(**kwargs)
        _prepare(cls)

    base.__init_subclass__ = init_subclass


def _build_attention(self, query_shape, value_shape=None, key_shape=None):
    """`MultiHeadAttention.build` as on Keras 3, apart from a call."""
    if value_shape is not None:
        query, value = map(tf.TensorShape, (query_shape, value_shape))
        key = tf.TensorShape(key_shape or value_shape)
        self._build_from_signature(query, value, key)
        attended = [*query[:-1], self._num_heads, self._value_dim]
        for layer, shape in (
            (self._query_dense, query),
            (self._key_dense, key),
            (self._value_dense, value),
            (self._output_dense, attended),
        ):
            layer.build(shape)
    base_layer.Layer.build(self, query_shape)


# --- Paths of variables ---------------------------------------------------------------


def _path(variable):
    """`variable.path`, of the names of the layers that it is in."""
    scope = getattr(variable, "_keras_seg_scope", "")
    layers = getattr(variable, "_keras_seg_path", variable.name.partition(":")[0])
    return scope + layers


def _name_paths(layer, prefix):
    for variable in layer._trainable_weights + layer._non_trainable_weights:
        name = variable.name.partition(":")[0].rpartition("/")[2]
        variable._keras_seg_path = f"{prefix}/{name}"
    for inner in layer._flatten_layers(recursive=False, include_self=False):
        _name_paths(inner, f"{prefix}/{inner.name}")


@contextlib.contextmanager
def name_scope(name):
    """`keras.name_scope`: the paths of variables that are made within begin so."""

    def create(next_creator, **kwargs):
        variable = next_creator(**kwargs)
        variable._keras_seg_scope = f"{name}/"
        return variable

    with tf.variable_creator_scope(create):
        yield name


# --- Training -------------------------------------------------------------------------


class _Optimizer:
    """What Keras 3's optimizers have and those of Keras 2 lack."""

    @property
    def built(self):
        return getattr(self, "_built", False)

    def _get_variable_index(self, variable):
        return self._index_dict[self._var_key(variable)]

    def assign(self, variable, value):
        variable.assign(value)

    def assign_sub(self, variable, value):
        variable.assign_sub(value)


class _LegacyOptimizer:
    """The same of the optimizers that tensorflow-addons makes its own of."""

    @property
    def built(self):
        return bool(self._hypers_created)

    @property
    def variables(self):
        return CallableList(self.weights)

    def build(self, variables):
        with tf.init_scope():
            self._create_all_weights(variables)


class _AtRate:
    """An optimizer as it is at another learning rate, for one step of one variable."""

    def __init__(self, optimizer, learning_rate):
        self.learning_rate = learning_rate
        self._optimizer = optimizer

    def __getattr__(self, name):
        return getattr(self._optimizer, name)


def _give_rate(plain):
    """`_update_step`, which gives the rate to steps that take it, as on Keras 3."""

    @functools.wraps(plain)
    def _update_step(self, gradient, variable):
        if "learning_rate" in inspect.signature(self.update_step).parameters:
            self.update_step(gradient, variable, self.learning_rate)
        else:
            plain(self, gradient, variable)

    return _update_step


def _take_rate(plain):
    """Keras 2's own `update_step`, which takes the rate from a class made of it."""

    def update_step(self, gradient, variable, *learning_rate):
        optimizer = _AtRate(self, *learning_rate) if learning_rate else self
        plain(optimizer, gradient, variable)

    update_step.__signature__ = inspect.signature(plain)
    return update_step


def _grouped(plain):
    """Grouped convolutions, by XLA unless a layer has an operation of its own."""

    @functools.wraps(plain)
    def convolve(self, inputs, kernel):
        if "convolution_op" in vars(self):
            return self.convolution_op(inputs, kernel)
        return plain(self, inputs, kernel)

    return convolve


def _batch_norm(plain):
    """Batch norm over all replicas with the moments of `synchronize_batch_norm`.

    The moving variance is unbiased, as Keras 2 has it on one device.
    """

    @functools.wraps(plain)
    def call(self, inputs, training=None, mask=None):
        training = self._get_training_value(training)
        if not training or "_moments" not in vars(self):
            return plain(self, inputs, training=training, mask=mask)
        mean, variance = (tf.cast(x, self._param_dtype) for x in self._moments(inputs))
        count = tf.size(inputs) / tf.size(mean)
        count *= tf.distribute.get_replica_context().num_replicas_in_sync
        unbiased = variance * tf.cast(count / tf.maximum(count - 1, 1), variance.dtype)
        for moving, now in (
            (self.moving_mean, mean),
            (self.moving_variance, unbiased),
        ):
            moving.assign(moving * self.momentum + now * (1 - self.momentum))
        normalized = tf.nn.batch_normalization(
            tf.cast(inputs, self._param_dtype),
            mean,
            variance,
            self.beta,
            self.gamma,
            self.epsilon,
        )
        return tf.cast(normalized, inputs.dtype)

    return call


def _first_epoch(plain):
    """Where `fit` begins, which a callback may set as on Keras 3."""

    @functools.wraps(plain)
    def counters(self, steps_per_epoch, initial_epoch):
        epoch = self.__dict__.pop("_initial_epoch", None)
        if epoch is not None:
            return epoch, 0
        return plain(self, steps_per_epoch, initial_epoch)

    return counters


# --- The rest -------------------------------------------------------------------------


class GroupQueryAttention(keras.layers.Layer):
    """A layer that Keras 2 does not have: no layer is one."""

    def __init__(self, *args, **kwargs):
        raise NotImplementedError("GroupQueryAttention is a layer of Keras 3.")


def _standardize_dtype(dtype):
    return tf.as_dtype(dtype or keras.backend.floatx()).name


def _is_float_dtype(dtype):
    return tf.as_dtype(dtype).is_floating


def _add_names():
    """What Keras 3 has and Keras 2 has not."""
    keras.ops = sys.modules["keras.ops"] = _ops()
    keras.random = types.SimpleNamespace(SeedGenerator=SeedGenerator, normal=_normal)
    keras.tree = types.SimpleNamespace(
        flatten=tf.nest.flatten, map_structure=tf.nest.map_structure
    )
    keras.config = types.SimpleNamespace(
        image_data_format=keras.backend.image_data_format,
        set_image_data_format=keras.backend.set_image_data_format,
        floatx=keras.backend.floatx,
        dtype_policy=keras.mixed_precision.global_policy,
        set_dtype_policy=keras.mixed_precision.set_global_policy,
    )
    keras.Function = Function
    keras.KerasTensor = KerasTensor
    keras.Layer = keras.layers.Layer
    keras.Variable = tf.Variable
    keras.name_scope = name_scope
    keras.backend.standardize_dtype = _standardize_dtype
    keras.backend.is_float_dtype = _is_float_dtype
    keras.layers.GroupQueryAttention = GroupQueryAttention
    keras.optimizers.LossScaleOptimizer = keras.mixed_precision.LossScaleOptimizer


def _add_attributes():
    """What the classes of Keras 3 have and those of Keras 2 have not."""
    tf.Variable.path = property(_path)
    keras.Model.compiled = property(lambda self: self._is_compiled)
    keras.layers.DepthwiseConv2D.kernel = property(lambda self: self.depthwise_kernel)
    for part in ("query_dense", "key_dense", "value_dense", "output_dense"):
        # Their names in Keras 3's files of weights.
        dense = property(operator.attrgetter(f"_{part}"))
        setattr(keras.layers.MultiHeadAttention, part, dense)
    BatchNormalizationBase._reduction_axes = property(
        lambda self: sorted({*range(self.input_spec.ndim)} - {*self.axis})
    )
    base_layer.Layer.compute_output_spec = _compute_output_spec
    base_layer.Layer._call_has_training_arg = property(
        lambda self: self._expects_training_arg
    )
    for theirs, ours in ((_BaseOptimizer, _Optimizer), (OptimizerV2, _LegacyOptimizer)):
        for name, value in vars(ours).items():
            if not name.startswith("__"):
                setattr(theirs, name, value)
    for base in (base_layer.Layer, keras.losses.Loss, keras.metrics.Metric):
        _prepare_subclasses(base)


def _extend():
    """What Keras 2 has, and what takes more on Keras 3."""
    keras.layers.MultiHeadAttention.build = _build_attention
    functional.Functional.compute_output_shape = _compute_output_shape
    for owner, name, extend in (
        (keras.models, "clone_model", _clone_model),
        (_BaseOptimizer, "_update_step", _give_rate),
        (keras.optimizers.SGD, "update_step", _take_rate),
        (keras.optimizers.AdamW, "update_step", _take_rate),
        (Conv, "_jit_compiled_convolution_op", _grouped),
        (BatchNormalizationBase, "call", _batch_norm),
        (keras.Model, "_maybe_load_initial_counters_from_ckpt", _first_epoch),
    ):
        setattr(owner, name, extend(getattr(owner, name)))


_add_names()
_add_attributes()
_extend()
