import functools

import tensorflow as tf
from keras import ops

from keras_seg._keras_private import moments_axes, own_moments, replace_moments
from keras_seg.ops.replicas import moments_over_replicas
from keras_seg.training.batch_norms import batch_norms


def synchronize_batch_norm(model):
    """Lets every batch norm of a model take its statistics over all replicas.

    Segmentation trains with few images a device, too few for statistics of their own.
    This sets `keras.layers.BatchNormalization(synchronized=True)` throughout a model
    that is built already, in nested models and inside of layers; with one replica it
    does nothing. The variance is that of `ops.replicas.moments_over_replicas`, since
    Keras's own, `E[x^2] - E[x]^2`, loses so many digits that a network trains
    otherwise on two devices than on one.

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
        replace_moments(norm, functools.partial(_moments, norm))
    return len(norms)


def _moments(norm, inputs, mask=None):
    if mask is not None:
        return own_moments(norm, inputs, mask)
    moments = moments_over_replicas(inputs, moments_axes(norm))
    return [ops.cast(moment, inputs.dtype) for moment in moments]
