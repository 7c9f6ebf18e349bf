from typing import Any

import keras
from keras import ops

from keras_seg.layers.batch_normalization import BatchNormalization
from keras_seg.layers.composite_layer import CompositeLayer
from keras_seg.layers.data_format import require_channels_last
from keras_seg.positive_integer import require_positive_integer


@keras.saving.register_keras_serializable(package="keras_seg")
class TransposedConvNorm(CompositeLayer):
    """Transposed convolution that enlarges a map, batch norm and an activation.

    Each output pixel sees four cells and starts as their bilinear interpolation, after
    a random 1x1 convolution, which avoids checkerboard artifacts. Batch norm has the
    settings of `ConvNorm`.

    Args:
        filters: int. The number of output channels.
        scale: int. The factor for height and width.
        kernel_initializer: initializer of the 1x1 convolution.
        activation: See `ConvNorm`.
        use_bias: See `ConvNorm`.
        **kwargs: Base layer arguments, such as `name` and `dtype`.

    Input shape:
        `(batch, height, width, channels)`, with `channels` known.

    Output shape:
        `(batch, height * scale, width * scale, filters)`; cells grow about their
        centers.

    Raises:
        ValueError: If `scale` is not a positive integer, or if the input does not have
            rank 4.

    Example:
        `TransposedConvNorm(8, 2)(keras.ops.ones((2, 6, 5, 3)))` has shape
        `(2, 12, 10, 8)`.

    References:
        [Long et al., 2015](https://arxiv.org/abs/1411.4038), section 3.3.
    """

    def __init__(
        self,
        filters: int,
        scale: int = 2,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        activation: str | None = "relu",
        use_bias: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        require_channels_last(self)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        scale = require_positive_integer("scale", scale)
        self.filters = filters
        self.scale = scale
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        policy = self.dtype_policy  # sublayers do not inherit it
        self.conv = keras.layers.Conv2DTranspose(
            filters,
            2 * scale - scale % 2,  # even or odd like the scale, so that it is centered
            strides=scale,
            padding="same",
            use_bias=use_bias,
            kernel_initializer=self._initialize,
            dtype=policy,
        )
        self.norm = BatchNormalization(momentum=0.9, epsilon=1e-5, dtype=policy)
        self.activation = keras.layers.Activation(activation or "linear", dtype=policy)

    def _initialize(self, shape, dtype=None):
        size, _, filters, channels = shape
        mixing = self.kernel_initializer((1, 1, channels, filters), dtype=dtype)
        places = ops.arange(size, dtype=dtype) - (size - 1) / 2
        weights = 1 - ops.abs(places) / self.scale
        weights = weights[:, None] * weights
        return weights[:, :, None, None] * ops.transpose(mixing, (0, 1, 3, 2))

    def build(self, input_shape):
        self.conv.build(input_shape)
        self.norm.build(self.compute_output_shape(input_shape))
        self.restore_frozen()

    def call(self, inputs, training=None):
        return self.activation(self.norm(self.conv(inputs), training=training))

    def compute_output_shape(self, input_shape):
        batch, *sizes, _ = input_shape
        sizes = [None if size is None else size * self.scale for size in sizes]
        return (batch, *sizes, self.filters)

    def get_config(self):
        return super().get_config() | {
            "filters": self.filters,
            "scale": self.scale,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "activation": keras.activations.serialize(self.activation.activation),
            "use_bias": self.use_bias,
        }
