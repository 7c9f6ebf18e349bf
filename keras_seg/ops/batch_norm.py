"""Batch norm by TensorFlow's fused op, which reads the map fewer times."""

import math

import keras

from keras_seg.ops.xla import tensorflow


def has_fused_batch_norm(x):
    """Returns whether `fused_batch_norm` supports a tensor with channels last."""
    dtypes = ("float16", "bfloat16", "float32")
    return (
        tensorflow() is not None
        and len(x.shape) == 4
        and keras.backend.standardize_dtype(x.dtype) in dtypes
    )


def fused_batch_norm(x, gamma, beta, mean, variance, epsilon):
    """Normalizes a map by given statistics.

    Args:
        x: float tensor `(batch, height, width, channels)` of at most 32 bits.
        gamma: float32 tensor `(channels,)`.
        beta: float32 tensor `(channels,)`.
        mean: float32 tensor `(channels,)`.
        variance: float32 tensor `(channels,)`.
        epsilon: float.

    Returns:
        Tensor of the shape and dtype of `x`.
    """
    return _fused(x, gamma, beta, mean, variance, epsilon, is_training=False)[0]


def fused_batch_norm_of_batch(x, gamma, beta, mean, variance, epsilon, momentum):
    """Normalizes a map by the mean and variance of each of its channels.

    Args:
        x: float tensor `(batch, height, width, channels)` of at most 32 bits.
        gamma: float32 tensor `(channels,)`.
        beta: float32 tensor `(channels,)`.
        mean: float32 tensor `(channels,)`, the moving mean.
        variance: float32 tensor `(channels,)`, the moving variance.
        epsilon: float.
        momentum: float in [0, 1). The share of the moving statistics that is kept.

    Returns:
        Tuple of the normalized map, of the shape and dtype of `x`, and the new moving
        mean and variance. The variance is the biased one, as in Keras.
    """
    rate = 1 - momentum
    outputs = _fused(x, gamma, beta, mean, variance, epsilon, True, rate)
    y, new_mean, new_variance, *_ = outputs
    # TensorFlow updates with the unbiased variance, which divides by count - 1.
    tf = tensorflow()
    sizes = x.shape[:3]
    if all(sizes):
        share = 1 / math.prod(sizes)
    else:
        share = 1 / tf.cast(tf.size(x) / x.shape[-1], variance.dtype)
    new_variance = new_variance * (1 - share) + variance * (momentum * share)
    return y, new_mean, new_variance


def _fused(x, gamma, beta, mean, variance, epsilon, is_training, rate=1.0):
    if rate == 1.0 and is_training:
        # With a rate of 1, the op requires empty moving statistics.
        mean = variance = tensorflow().zeros((0,))
    # Not `tf.nn.fused_batch_norm`, which clips epsilon to at least 1.001e-5.
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
