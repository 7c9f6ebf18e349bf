import tensorflow as tf

from keras_seg.training.batch_norms import batch_norms


def synchronize_batch_norm(model):
    """Lets every batch norm of a model take its statistics over all replicas.

    Segmentation trains with few images a device, too few for statistics of their own.
    This sets `keras.layers.BatchNormalization(synchronized=True)` throughout a model
    that is built already, in nested models and inside of layers. With one replica it
    does nothing: there Keras's synchronized path takes longer, and computes the
    variance as `E[x^2] - E[x]^2`, which loses digits.

    Args:
        model: `keras.Model` that is built in the strategy's scope and not compiled yet.

    Returns:
        The number of batch norms that were set.

    Example: see `mirrored_strategy`.
    """
    if tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return 0
    norms = batch_norms(model)
    for norm in norms:
        norm.synchronized = True
    return len(norms)
