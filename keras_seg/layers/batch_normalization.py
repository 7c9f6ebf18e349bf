import keras
from keras import ops

from keras_seg.ops.batch_norm import (
    fused_batch_norm,
    fused_batch_norm_of_batch,
    has_fused_batch_norm,
)
from keras_seg.ops.replicas import num_replicas


@keras.saving.register_keras_serializable(package="keras_seg")
class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization`, faster on TensorFlow.

    Uses TensorFlow's fused op for maps `(batch, height, width, channels)`, which needs
    less time and memory than the operations of Keras's layer. Results, weights and
    weight files are the same. Everything that the op does not support (other ranks and
    axes, masks, float64, statistics over replicas, other backends) is computed by
    Keras's layer.

    Args:
        *args: See `keras.layers.BatchNormalization`.
        **kwargs: See `keras.layers.BatchNormalization`.

    Input shape:
        Any.

    Output shape:
        Same as the input.

    Example:
        `BatchNormalization()(keras.ops.ones((2, 6, 5, 3)))` has shape `(2, 6, 5, 3)`.
    """

    def call(self, inputs, training=None, mask=None):
        if mask is not None or not self._is_fused(inputs):
            return super().call(inputs, training=training, mask=mask)
        mean, variance, gamma, beta = self._float32_weights()
        if training and self.trainable:
            outputs, mean, variance = fused_batch_norm_of_batch(
                inputs, gamma, beta, mean, variance, self.epsilon, self.momentum
            )
            self.moving_mean.assign(mean)
            self.moving_variance.assign(variance)
        else:
            outputs = fused_batch_norm(
                inputs, gamma, beta, mean, variance, self.epsilon
            )
        return ops.cast(outputs, self.compute_dtype)

    def _is_fused(self, inputs):
        # In Keras 2, `axis` becomes a list when the layer is built; that layer calls
        # the fused op itself.
        return (
            self.axis in (-1, 3)
            and not getattr(self, "renorm", False)
            and not (self.synchronized and num_replicas() > 1)
            and has_fused_batch_norm(inputs)
        )

    def _float32_weights(self):
        mean = ops.cast(self.moving_mean, "float32")
        variance = ops.cast(self.moving_variance, "float32")
        gamma = ops.cast(self.gamma, "float32") if self.scale else ops.ones_like(mean)
        beta = ops.cast(self.beta, "float32") if self.center else ops.zeros_like(mean)
        return mean, variance, gamma, beta
