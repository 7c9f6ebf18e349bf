"""Adaptation of this package's layers to Keras 2, and missing parts of Keras's."""

import functools
import inspect
import operator

import keras
import tensorflow as tf
from keras.src.engine import base_layer
from keras.src.layers.convolutional.base_conv import Conv
from keras.src.layers.normalization.batch_normalization import BatchNormalizationBase

from keras_seg._keras2.saving import name_paths

_PACKAGE = __name__.partition(".")[0] + "."


def _known(shape):
    """Converts shapes to tuples, as Keras 3 passes them."""
    return tf.nest.map_structure(
        lambda x: tuple(x) if isinstance(x, tf.TensorShape) else x, shape
    )


def _building(build):
    """Wraps `build` so that a parent layer may call it directly."""

    @functools.wraps(build)
    def wrapped(self, input_shape):
        if not self.built:
            build(self, _known(input_shape))
            base_layer.Layer.build(self, input_shape)
            name_paths(self, self.name)

    return wrapped


def _prepare(cls):
    """Prepares a class of this package: no AutoGraph, and `build` as in Keras 3."""
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
    """Lets any layer be called with `training`, as in Keras 3."""
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
    """Builds a `MultiHeadAttention` without a call, as in Keras 3."""
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


def _grouped(plain):
    """Wraps grouped convolutions: XLA, unless the layer overrides the operation."""

    @functools.wraps(plain)
    def convolve(self, inputs, kernel):
        if "convolution_op" in vars(self):
            return self.convolution_op(inputs, kernel)
        return plain(self, inputs, kernel)

    return convolve


def _batch_norm(plain):
    """Wraps batch norm to use the moments of `synchronize_batch_norm`.

    The moving variance is unbiased, as in Keras 2 on one device.
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


class GroupQueryAttention(keras.layers.Layer):
    """Placeholder for a layer that Keras 2 lacks, for `isinstance` checks."""

    def __init__(self, *args, **kwargs):
        raise NotImplementedError("GroupQueryAttention needs Keras 3.")


def install():
    keras.Layer = keras.layers.Layer
    keras.layers.GroupQueryAttention = GroupQueryAttention
    keras.layers.DepthwiseConv2D.kernel = property(lambda self: self.depthwise_kernel)
    for part in ("query_dense", "key_dense", "value_dense", "output_dense"):
        # The names in the weight files of Keras 3.
        dense = property(operator.attrgetter(f"_{part}"))
        setattr(keras.layers.MultiHeadAttention, part, dense)
    keras.layers.MultiHeadAttention.build = _build_attention
    base_layer.Layer._call_has_training_arg = property(
        lambda self: self._expects_training_arg
    )
    BatchNormalizationBase._reduction_axes = property(
        lambda self: sorted({*range(self.input_spec.ndim)} - {*self.axis})
    )
    BatchNormalizationBase.call = _batch_norm(BatchNormalizationBase.call)
    Conv._jit_compiled_convolution_op = _grouped(Conv._jit_compiled_convolution_op)
    for base in (base_layer.Layer, keras.losses.Loss, keras.metrics.Metric):
        _prepare_subclasses(base)
