from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_seg.layers.aggregation_module import AggregationModule
from keras_seg.layers.composite_layer import CompositeLayer
from keras_seg.layers.conv_norm import ConvNorm
from keras_seg.layers.data_format import (
    require_channels_last,
    require_known_channels,
)
from keras_seg.ops import fused_prior, prior_context, resize_bilinear
from keras_seg.ops.precision import at_least_float32
from keras_seg.ops.replicas import mean_over_replicas
from keras_seg.ops.sizes import require_size


@keras.saving.register_keras_serializable(package="keras_seg")
class ContextPriorLayer(CompositeLayer):
    """Gathers intra-class and inter-class context by a learned prior (CPNet).

    A 1x1 convolution with batch norm turns the aggregated features X into N logits for
    each of the N positions: the prior, which says which positions share a class, and
    which `keras_seg.losses.AffinityLoss` supervises. With P their sigmoid, the
    intra-class context `P X / N` and the inter-class context `(1 - P) X / N` each pass
    a 1x1 convolution, batch norm and ReLU, and are concatenated with the input.

    Args:
        filters: int. The number of channels of the aggregated features and of each
            context.
        prior_size: pair of ints, the rows and columns of the features that the prior
            covers, as `keras_seg.models.prior_size(crop, output_stride)` returns them;
            N is their product. Inputs of another size are resized to it before the
            aggregation, and the contexts are resized back.
        kernel_size: odd int. See `AggregationModule`.
        fused_loss: `keras_seg.losses.AffinityLoss` of the same `prior_size`, or None.
            With it, the layer returns the loss of each image instead of the prior. It
            computes logits, contexts and loss together, block by block of rows, so that
            memory grows linearly with N instead of with its square (a prior over 96 x
            96 cells takes 340 MB per image). Values, gradients and weights are the same
            as those of separate layer and loss. The statistics of the batch norm are
            derived from the mean and covariance of the features, in which the logits
            are linear.
        **kwargs: Base layer arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`, with `channels` known.
        labels: integer tensor `(batch, image height, image width)` for `fused_loss`, or
            None if no loss is needed, as in inference.
        training: bool. Whether batch norms use the statistics of the batch.

    Returns:
        Pair of the features `(batch, height, width, channels + 2 * filters)` and the
        prior logits `(batch, N, N)`, whose rows hold the logits of one position with
        all others. With `fused_loss`, the second is the losses `(batch,)` instead, 0
        without labels.

    Raises:
        ValueError: If `prior_size` is not a pair of positive integers, if `fused_loss`
            is not an `AffinityLoss` or has another `prior_size`, if there are labels
            but no `fused_loss`, if a label is neither a class nor ignored, or for the
            reasons of `AggregationModule`.

    Example:
        ```python
        x = keras.random.normal((2, 12, 10, 64))
        features, prior = ContextPriorLayer(16, prior_size=(12, 10))(x)
        features.shape, prior.shape  # (2, 12, 10, 96), (2, 120, 120)
        ```

    References:
        [Yu et al., 2020](https://arxiv.org/abs/2004.01547), section 3.3; the division
        by N and the 1x1 convolutions of the contexts follow the released code.
    """

    def __init__(
        self,
        filters: int,
        prior_size: Sequence[int],
        kernel_size: int = 11,
        fused_loss: keras.losses.Loss | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        require_channels_last(self)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        self.filters = filters
        self.prior_size = require_size("prior_size", prior_size)
        self.kernel_size = kernel_size
        if isinstance(fused_loss, dict):  # from a saved configuration
            fused_loss = keras.losses.deserialize(fused_loss)
        loss_size = getattr(fused_loss, "prior_size", None)
        if fused_loss is not None and loss_size != self.prior_size:
            raise ValueError(
                "`fused_loss` must be an AffinityLoss with the `prior_size` of the "
                f"layer. Received: {prior_size=} and {fused_loss!r} with "
                f"prior_size={loss_size}"
            )
        self.fused_loss = fused_loss
        policy = self.dtype_policy  # sublayers do not inherit it
        self.aggregation = AggregationModule(
            filters, kernel_size, dtype=policy, name="aggregation"
        )
        rows, columns = self.prior_size
        self.prior = ConvNorm(
            rows * columns, 1, activation=None, dtype=policy, name="prior"
        )
        self.intra = ConvNorm(filters, 1, dtype=policy, name="intra")
        self.inter = ConvNorm(filters, 1, dtype=policy, name="inter")

    def build(self, input_shape):
        batch, *_, channels = input_shape
        require_known_channels(input_shape)
        self.aggregation.build((batch, *self.prior_size, channels))
        for layer in (self.prior, self.intra, self.inter):
            layer.build((batch, *self.prior_size, self.filters))
        self.restore_frozen()

    def call(self, inputs, labels=None, training=None):
        if labels is not None and self.fused_loss is None:
            raise ValueError(
                "`labels` must be None if the layer has no `fused_loss`. "
                f"Received: labels of shape {tuple(labels.shape)}"
            )
        values = self._aggregate(inputs, training)
        if self.fused_loss is None:
            contexts, prior = self._whole_prior(values, training)
        else:
            contexts, prior = self._fused_prior(values, labels, training)
        return self._concatenate(inputs, contexts, training), prior

    def _whole_prior(self, values, training):
        """Returns the two contexts `(batch, N, filters)` and the prior logits."""
        batch, pixels, _ = ops.shape(values)
        x = ops.reshape(values, (batch, *self.prior_size, self.filters))
        prior = ops.reshape(self.prior(x, training=training), (batch, pixels, pixels))
        return prior_context(prior, values), prior

    def _fused_prior(self, values, labels, training):
        """Returns the two contexts `(batch, N, filters)` and the losses `(batch,)`."""
        if labels is not None:
            labels = self.fused_loss.cell_labels(labels)
        kernel, bias = self._normalized_prior(values, training)
        intra, losses = fused_prior(
            values,
            ops.cast(kernel, values.dtype),
            ops.cast(bias, values.dtype),
            labels,
            self.fused_loss.num_classes,
            self.fused_loss.ignore_class,
            self.fused_loss.unary_weight,
            self.fused_loss.global_weight,
        )
        inter = ops.mean(values, axis=1, keepdims=True) - intra
        return (intra, inter), ops.cast(losses, "float32")

    def _normalized_prior(self, values, training):
        """Folds the prior's convolution and batch norm into one kernel and bias."""
        norm = self.prior.norm
        kernel = at_least_float32(self.prior.conv.kernel[0, 0])
        if training and norm.trainable:
            mean, variance = self._statistics(values, kernel)
            for moving, now in (
                (norm.moving_mean, mean),
                (norm.moving_variance, variance),
            ):
                now = ops.cast(ops.stop_gradient(now), moving.dtype)
                moving.assign(moving * norm.momentum + now * (1 - norm.momentum))
        else:
            mean = at_least_float32(norm.moving_mean)
            variance = at_least_float32(norm.moving_variance)
        scale = at_least_float32(norm.gamma) * ops.rsqrt(variance + norm.epsilon)
        return kernel * scale, at_least_float32(norm.beta) - mean * scale

    def _statistics(self, values, kernel):
        """Returns mean and variance `(N,)` of `values @ kernel` over all positions."""
        values = at_least_float32(values)
        batch, pixels, _ = ops.shape(values)
        share = 1 / ops.cast(batch * pixels, values.dtype)
        reduce = mean_over_replicas if self.prior.norm.synchronized else _unchanged
        mean = reduce(ops.sum(values, axis=(0, 1)) * share)
        centered = values - mean
        covariance = reduce(ops.einsum("bnc,bnd->cd", centered, centered) * share)
        variance = ops.sum(kernel * ops.matmul(covariance, kernel), axis=0)
        # Rounding may make the variance of constant features negative.
        return ops.matmul(mean, kernel), ops.maximum(variance, 0)

    def _aggregate(self, inputs, training):
        """Returns the aggregated features `(batch, N, filters)` at the prior's size."""
        x = inputs
        if not self._is_trained_size(inputs):
            x = resize_bilinear(x, self.prior_size)
        x = self.aggregation(x, training=training)
        rows, columns = self.prior_size
        return ops.reshape(x, (ops.shape(x)[0], rows * columns, self.filters))

    def _concatenate(self, inputs, contexts, training):
        """Concatenates the input with the contexts, resized to the input's size."""
        rows, columns = self.prior_size
        maps = [inputs]
        for layer, context in zip((self.intra, self.inter), contexts, strict=True):
            shape = (ops.shape(context)[0], rows, columns, self.filters)
            x = layer(ops.reshape(context, shape), training=training)
            if not self._is_trained_size(inputs):
                x = resize_bilinear(x, ops.shape(inputs)[1:3])
            maps.append(x)
        return ops.concatenate(maps, axis=-1)

    def _is_trained_size(self, inputs):
        return tuple(inputs.shape[1:3]) == self.prior_size

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        pixels = self.prior_size[0] * self.prior_size[1]
        features = (batch, height, width, channels + 2 * self.filters)
        return features, (batch,) if self.fused_loss else (batch, pixels, pixels)

    def compute_output_spec(self, inputs, labels=None, training=None):
        features, prior = self.compute_output_shape(inputs.shape)
        # Losses are float32 under mixed precision too.
        dtype = "float32" if self.fused_loss else self.compute_dtype
        return (
            keras.KerasTensor(features, self.compute_dtype),
            keras.KerasTensor(prior, dtype),
        )

    def get_config(self):
        return super().get_config() | {
            "filters": self.filters,
            "prior_size": self.prior_size,
            "kernel_size": self.kernel_size,
            "fused_loss": self.fused_loss and keras.losses.serialize(self.fused_loss),
        }


def _unchanged(x):
    return x
