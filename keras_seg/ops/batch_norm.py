"""Batch norm by TensorFlow's own op, which passes over the map less often."""

import math

import keras

from keras_seg.ops.xla import tensorflow


def has_fused_batch_norm(x):
    """Whether `fused_batch_norm` takes a tensor, whose last axis is the channels."""
    dtypes = ("float16", "bfloat16", "float32")
    return (
        tensorflow() is not None
        and len(x.shape) == 4
        and keras.backend.standardize_dtype(x.dtype) in dtypes
    )


def fused_batch_norm(x, gamma, beta, mean, variance, epsilon):
    """Normalises a map by statistics that are given.

    Args:
        x: float tensor `(batch, height, width, channels)`, at most 32 bits.
        gamma, beta, mean, variance: float32 tensors `(channels,)`.
        epsilon: float.

    Returns:
        Tensor like `x`.
    """
    return _fused(x, gamma, beta, mean, variance, epsilon, is_training=False)[0]


def fused_batch_norm_of_batch(x, gamma, beta, epsilon):
    """Normalises a map by its own mean and variance in each channel.

    Args:
        x: float tensor `(batch, height, width, channels)`, at most 32 bits.
        gamma, beta: float32 tensors `(channels,)`.
        epsilon: float.

    Returns:
        The normalised map, like `x`, and two float32 tensors `(channels,)`: the mean
        and the variance, which is the mean square of the differences to the mean.
    """
    tf = tensorflow()
    unused = tf.zeros((0,))
    outputs = _fused(x, gamma, beta, unused, unused, epsilon, is_training=True)
    y, mean, variance, *_ = outputs
    # TensorFlow's variance is that of a sample, the sum divided by one less.
    sizes = x.shape[:3]
    count = math.prod(sizes) if all(sizes) else tf.size(x) // x.shape[-1]
    count = tf.cast(count, variance.dtype)
    return y, mean, variance * ((count - 1) / count)


def _fused(x, gamma, beta, mean, variance, epsilon, is_training):
    # Not `tf.nn.fused_batch_norm`, which knows no epsilon below 1.001e-5.
    return tensorflow().raw_ops.FusedBatchNormV3(
        x=x,
        scale=gamma,
        offset=beta,
        mean=mean,
        variance=variance,
        epsilon=epsilon,
        is_training=is_training,
    )
