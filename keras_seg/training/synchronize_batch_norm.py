import functools

import keras
import tensorflow as tf
from keras import ops

from keras_seg._keras_private import moments_axes, own_moments, replace_moments
from keras_seg.ops.replicas import moments_over_replicas
from keras_seg.training.batch_norms import batch_norms


def synchronize_batch_norm(model: keras.Model) -> int:
    """Makes every batch norm of a model compute its statistics over all replicas.

    In segmentation, few images fit on each device, too few for reliable statistics per
    device. This sets `keras.layers.BatchNormalization(synchronized=True)` throughout a
    built model, including nested models and layers. With one replica it does nothing.
    The variance comes from `ops.replicas.moments_over_replicas`, because Keras's own,
    `E[x^2] - E[x]^2`, loses so much precision that training on two devices differs from
    training on one.

    Args:
        model: `keras.Model` that is built in the strategy's scope and not compiled yet.

    Returns:
        int, the number of batch norms that were changed.

    Example:
        See `mirrored_strategy`.
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
