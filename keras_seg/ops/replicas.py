"""Sums, means and moments over the replicas of a distribution strategy."""

from keras import ops

from keras_seg.ops.precision import at_least_float32
from keras_seg.ops.xla import tensorflow


def sum_over_replicas(x):
    """Sums `x` over the replicas that run a step together.

    Under `tf.distribute`, every replica sees its share of the batch, so that quantities
    of the global batch, such as its number of valid pixels, are sums over replicas.
    With one device, and on the JAX and PyTorch backends, whose steps see the global
    batch, it returns `x` itself.

    Args:
        x: float tensor, of the same shape on every replica.

    Returns:
        Tensor of the shape of `x`, the same on every replica. Its gradient is summed
        over the replicas too.
    """
    if num_replicas() == 1:
        return x
    tf = tensorflow()
    replica = tf.distribute.get_replica_context()
    # On several machines, TensorFlow needs the device of the tensor, which values read
    # from variables lack.
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(x))


def num_replicas():
    """Returns the number of replicas that run the traced step together, an int."""
    tf = tensorflow()
    replica = tf and tf.distribute.get_replica_context()
    return replica.num_replicas_in_sync if replica else 1


def mean_over_replicas(x):
    """Averages `x` over the replicas that run a step together.

    Args:
        x: float tensor, of the same shape on every replica.

    Returns:
        Tensor of the shape of `x`, the same on every replica.
    """
    return sum_over_replicas(x) / num_replicas()


def moments_over_replicas(x, axes):
    """Returns mean and variance of the global batch, as precise as on one device.

    Averages over the replicas first, then averages the squared differences from the
    mean. Keras's `ops.moments(synchronized=True)` computes `E[x^2] - E[x]^2` instead,
    which loses all digits in float32 if the variance is small relative to the squared
    mean.

    Args:
        x: float tensor, the replica's share of the batch, of the same shape on each.
        axes: sequence of ints. The axes to reduce.

    Returns:
        Pair of tensors with the remaining axes, float32 or wider.
    """
    x = at_least_float32(x)
    mean = mean_over_replicas(ops.mean(x, axes, keepdims=True))
    variance = mean_over_replicas(ops.mean(ops.square(x - mean), axes))
    return ops.squeeze(mean, axes), variance


def global_mean(values, weights):
    """Returns this replica's share of the weighted mean over the global batch.

    The shares of all replicas add up to the mean, and so do their gradients, so that
    the number of devices changes neither. Without any weight, the mean is 0.

    Args:
        values: float tensor of the replica's own values.
        weights: float tensor of the same shape, 0 or more.

    Returns:
        Float scalar; with one device, the mean itself.

    Example:
        `global_mean(keras.ops.array([1.0, 5.0]), keras.ops.array([3.0, 1.0]))` is 2.
    """
    total = sum_over_replicas(ops.sum(weights))
    # Divides before summing, so that no sum can overflow.
    weights = weights / ops.where(total > 0, total, 1.0)
    return ops.sum(weights * values)
