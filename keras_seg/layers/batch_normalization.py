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
    """`keras.layers.BatchNormalization` that is faster on TensorFlow.

    Maps `(batch, height, width, channels)` pass TensorFlow's fused op, which takes less
    time and memory than the several ops of Keras's layer. Results, weights and files
    of weights are the same. Where the op does not serve (other ranks and axes, masks,
    float64, statistics over several replicas, other backends), it is Keras's layer.

    Args:
        *args: see `keras.layers.BatchNormalization`.
        **kwargs: the same.

    Input shape: any.
    Output shape: that of the input.
    Example: `BatchNormalization()(keras.ops.ones((2, 6, 5, 3)))` has shape
    `(2, 6, 5, 3)`.
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
        # On Keras 2, whose own layer calls the op, an axis is a list once it is built.
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
