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
    device. This sets `synchronized` of every `keras.layers.BatchNormalization` of a
    built model, including nested models and layers: True with several replicas, False
    with one. Saved files say False, so that they load on every backend; call this
    function again before you train a loaded model.

    The variance comes from `ops.replicas.moments_over_replicas`, because Keras's own,
    `E[x^2] - E[x]^2`, loses so much precision that training on two devices differs from
    training on one.

    Args:
        model: `keras.Model` that is built in the strategy's scope and not compiled yet.
            The call may be outside of the scope.

    Returns:
        int, the number of batch norms that compute their statistics over replicas.

    Example:
        See `mirrored_strategy`.
    """
    # Models have a strategy on TensorFlow only.
    strategy = getattr(model, "distribute_strategy", None)
    strategy = strategy or tf.distribute.get_strategy()
    norms = batch_norms(model)
    if strategy.num_replicas_in_sync == 1:
        for norm in norms:
            norm.synchronized = False  # it is True in files of earlier versions
        return 0
    for norm in norms:
        norm.synchronized = True
        norm.get_config = functools.partial(_config, norm)
        replace_moments(norm, functools.partial(_moments, norm))
    return len(norms)


def _config(norm):
    config = type(norm).get_config(norm)
    if "synchronized" in config:  # not in Keras 2
        config["synchronized"] = False
    return config


def _moments(norm, inputs, mask=None):
    if mask is not None:
        return own_moments(norm, inputs, mask)
    moments = moments_over_replicas(inputs, moments_axes(norm))
    return [ops.cast(moment, inputs.dtype) for moment in moments]
