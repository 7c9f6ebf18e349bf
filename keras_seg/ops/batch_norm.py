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


def fused_batch_norm_of_batch(x, gamma, beta, mean, variance, epsilon, momentum):
    """Normalises a map by its own mean and variance in each channel.

    Args:
        x: float tensor `(batch, height, width, channels)`, at most 32 bits.
        gamma, beta: float32 tensors `(channels,)`.
        mean, variance: the same, the moving statistics.
        epsilon: float.
        momentum: float in [0, 1). What remains of the moving statistics.

    Returns:
        The normalised map, like `x`, and the new moving statistics. The variance that
        enters is the mean square of the differences to the mean.
    """
    rate = 1 - momentum
    outputs = _fused(x, gamma, beta, mean, variance, epsilon, True, rate)
    y, new_mean, new_variance, *_ = outputs
    # TensorFlow's variance is that of a sample: the sum divided by one less.
    tf = tensorflow()
    sizes = x.shape[:3]
    count = math.prod(sizes) if all(sizes) else tf.size(x) / x.shape[-1]
    share = 1 / tf.cast(count, variance.dtype)
    new_variance = new_variance * (1 - share) + variance * (momentum * share)
    return y, new_mean, new_variance


def _fused(x, gamma, beta, mean, variance, epsilon, is_training, rate=1.0):
    if rate == 1.0 and is_training:
        # The op takes no moving statistics of which nothing remains.
        mean = variance = tensorflow().zeros((0,))
    # Not `tf.nn.fused_batch_norm`, which knows no epsilon below 1.001e-5.
    return tensorflow().raw_ops.FusedBatchNormV3(
        x=x,
        scale=gamma,
        offset=beta,
        mean=mean,
        variance=variance,
        epsilon=epsilon,
        exponential_avg_factor=rate,
        is_training=is_training,
    )
