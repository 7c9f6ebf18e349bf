"""`keras.ops`, `keras.random` and `keras.tree` from keras-core and TensorFlow."""

import contextlib
import functools
import inspect
import io
import sys
import types

import keras
import numpy as np
import tensorflow as tf

from keras_seg._keras2.symbolic_tensors import is_symbolic

with contextlib.redirect_stdout(io.StringIO()):  # it prints its backend
    import keras_core


@keras.saving.register_keras_serializable(package="keras_seg")
class Operation(keras.layers.Layer):
    """Layer that runs an op of `keras.ops` in a functional model.

    Args:
        function: str. The name of the op.
        **kwargs: Base layer arguments, such as `name`.
    """

    def __init__(self, function, **kwargs):
        # Without Keras 2's cast to the policy's dtype: operations of Keras 3 keep that
        # of their inputs, as a float32 part of a network in mixed precision needs.
        super().__init__(autocast=False, **kwargs)
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
    # Unrolled, because this XLA does not support loops over dynamic shapes.
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
    """Gives numbers the dtype of the tensors; keras-core would convert to 64 bits."""

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
    # Variables of several replicas must be converted to a tensor first.
    return np.array(tf.convert_to_tensor(x) if isinstance(x, tf.Variable) else x)


def _full(shape, value, dtype=None):
    return tf.cast(tf.fill(shape, value), dtype or keras.backend.floatx())


def _mean(x, axis=None, keepdims=False):
    # In float32 or wider, because keras-core sums float16 in float16.
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
        if is_symbolic((args, kwargs)):
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
    """Stand-in for `keras.random.SeedGenerator`, backed by TensorFlow's generator.

    `keras.utils.set_random_seed` therefore applies.
    """

    def __init__(self, seed=None, name=None):
        self.seed = seed


def _normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    dtype = dtype or keras.backend.floatx()
    if isinstance(seed, int):
        return tf.random.stateless_normal(shape, (seed, 0), mean, stddev, dtype)
    return tf.random.normal(shape, mean, stddev, dtype)


def install():
    keras.ops = sys.modules["keras.ops"] = _ops()
    keras.random = types.SimpleNamespace(SeedGenerator=SeedGenerator, normal=_normal)
    keras.tree = types.SimpleNamespace(
        flatten=tf.nest.flatten, map_structure=tf.nest.map_structure
    )
