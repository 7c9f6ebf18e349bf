import keras
from keras import ops

from keras_seg.layers.aggregation_module import AggregationModule
from keras_seg.layers.conv_norm import ConvNorm
from keras_seg.layers.data_format import require_channels_last
from keras_seg.ops import prior_context, resize_bilinear
from keras_seg.ops.sizes import require_size


@keras.saving.register_keras_serializable(package="keras_seg")
class ContextPriorLayer(keras.layers.Layer):
    """Gathers context of a pixel's own class apart from that of the others (CPNet).

    From aggregated features X, a 1x1 convolution with batch norm makes N logits for
    each of the N pixels: the prior, of which pixels share its class, which
    `keras_seg.losses.AffinityLoss` supervises. With P their sigmoid, the intra-class
    context `P X / N` and the inter-class context `(1 - P) X / N` each pass a 1x1
    convolution, batch norm and ReLU, and are concatenated with the input.

    Args:
        filters: int. Channels of the aggregated features and of either context.
        prior_size: pair of ints, the rows and columns of the features that the prior is
            made for, `keras_seg.models.prior_size(crop, output_stride)`; N is their
            product. Input of another size is resized to it before the aggregation, and
            the contexts are resized back.
        kernel_size: odd int. Of `AggregationModule`.
        **kwargs: Base layer arguments, such as `name` and `dtype`.

    Input shape: `(batch, height, width, channels)`, `channels` known, the others any.
    Output shape: the pair of `(batch, height, width, channels + 2 * filters)` and, for
        the prior logits, `(batch, N, N)`: for each pixel, row by row, its logits with
        all others.

    Example:

    ```python
    x = keras.random.normal((2, 12, 10, 64))
    features, prior = ContextPriorLayer(16, prior_size=(12, 10))(x)
    features.shape, prior.shape  # (2, 12, 10, 96), (2, 120, 120)
    ```

    Raises:
        ValueError: If `prior_size` is no pair of positive ints, or as
            `AggregationModule`.

    Reference: [Yu et al., 2020](https://arxiv.org/abs/2004.01547), section 3.3 and
    figure 3; the division by N and the 1x1 convolutions of the contexts are those of
    the released code.
    """

    def __init__(self, filters, prior_size, kernel_size=11, **kwargs):
        super().__init__(**kwargs)
        require_channels_last(self)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        self.filters = filters
        self.prior_size = require_size("prior_size", prior_size)
        self.kernel_size = kernel_size
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
        if channels is None:
            raise ValueError(
                "The last axis of the input, the channels, must be known. "
                f"Received: {input_shape=}"
            )
        self.aggregation.build((batch, *self.prior_size, channels))
        for layer in (self.prior, self.intra, self.inter):
            layer.build((batch, *self.prior_size, self.filters))

    def call(self, inputs, training=None):
        rows, columns = self.prior_size
        x = inputs
        is_trained_size = tuple(inputs.shape[1:3]) == self.prior_size
        if not is_trained_size:
            x = resize_bilinear(x, self.prior_size)
        x = self.aggregation(x, training=training)
        batch, pixels = ops.shape(x)[0], rows * columns
        prior = self.prior(x, training=training)
        prior = ops.reshape(prior, (batch, pixels, pixels))
        values = ops.reshape(x, (batch, pixels, self.filters))
        contexts = []
        layers = (self.intra, self.inter)
        for layer, context in zip(layers, prior_context(prior, values), strict=True):
            context = ops.reshape(context, (batch, rows, columns, self.filters))
            context = layer(context, training=training)
            if not is_trained_size:
                context = resize_bilinear(context, ops.shape(inputs)[1:3])
            contexts.append(context)
        return ops.concatenate([inputs, *contexts], axis=-1), prior

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        pixels = self.prior_size[0] * self.prior_size[1]
        features = (batch, height, width, channels + 2 * self.filters)
        return features, (batch, pixels, pixels)

    def get_config(self):
        return super().get_config() | {
            "filters": self.filters,
            "prior_size": self.prior_size,
            "kernel_size": self.kernel_size,
        }
