"""Sums, means and moments over the replicas of a distribution strategy."""

from keras import ops

from keras_seg.ops.precision import at_least_float32
from keras_seg.ops.xla import tensorflow


def sum_over_replicas(x):
    """Adds up `x` over the replicas that run a step together.

    Under `tf.distribute` every replica sees its share of the batch; what concerns the
    global batch, such as its number of valid pixels, is the sum over the replicas. It
    is `x` itself with one device and on the JAX and PyTorch backends, whose steps see
    the global batch.

    Args:
        x: float tensor, of the same shape on every replica.

    Returns:
        Tensor like `x`, the same on every replica. Its gradient is summed over the
        replicas too.
    """
    if num_replicas() == 1:
        return x
    tf = tensorflow()
    replica = tf.distribute.get_replica_context()
    # On several machines TensorFlow asks a tensor for its device, which what is read
    # from a variable does not know.
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(x))


def num_replicas():
    """How many replicas run the step together that is traced: an int, mostly 1."""
    tf = tensorflow()
    replica = tf and tf.distribute.get_replica_context()
    return replica.num_replicas_in_sync if replica else 1


def mean_over_replicas(x):
    """`sum_over_replicas(x)` divided by the number of replicas.

    Args:
        x: float tensor, of the same shape on every replica.

    Returns:
        Tensor like `x`, the same on every replica.
    """
    return sum_over_replicas(x) / num_replicas()


def moments_over_replicas(x, axes):
    """Mean and variance of the global batch, whose digits one device would have.

    The mean is summed over the replicas first, and then the squares of the differences
    to it. Keras's `ops.moments(synchronized=True)` takes `E[x^2] - E[x]^2` instead: in
    float32 nothing is left of a variance that is small beside the mean's square.

    Args:
        x: float tensor, a replica's share of the batch, of the same shape on each.
        axes: sequence of ints, over which to take the moments.

    Returns:
        Pair of tensors of the axes that are left, float32 or wider.
    """
    x = at_least_float32(x)
    mean = mean_over_replicas(ops.mean(x, axes, keepdims=True))
    variance = mean_over_replicas(ops.mean(ops.square(x - mean), axes))
    return ops.squeeze(mean, axes), variance


def global_mean(values, weights):
    """This replica's share of the weighted mean over the global batch.

    The shares of all replicas add up to the mean, and so do their gradients, as Keras
    adds them up: the number of devices changes neither. Without any weight it is 0.

    Args:
        values: float tensor of the replica's own values.
        weights: float tensor of the same shape, 0 or more.

    Returns:
        float scalar; the mean itself with one device.

    Example: `global_mean(keras.ops.array([1.0, 5.0]), keras.ops.array([3.0, 1.0]))`
    is 2.
    """
    total = sum_over_replicas(ops.sum(weights))
    # Divided before they are summed, so that no sum can overflow.
    weights = weights / ops.where(total > 0, total, 1.0)
    return ops.sum(weights * values)
