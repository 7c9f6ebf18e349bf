"""Sums over the replicas of a distribution strategy."""

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
    tf = tensorflow()
    if tf is None:
        return x
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return x
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, x)
