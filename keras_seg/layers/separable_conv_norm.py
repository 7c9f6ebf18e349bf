from collections.abc import Sequence
from typing import Any

import keras

from keras_seg.layers.batch_normalization import BatchNormalization
from keras_seg.layers.composite_layer import CompositeLayer
from keras_seg.layers.conv_norm import ConvNorm
from keras_seg.layers.data_format import require_channels_last
from keras_seg.layers.depthwise_conv2d import DepthwiseConv2D


@keras.saving.register_keras_serializable(package="keras_seg")
class SeparableConvNorm(CompositeLayer):
    """Depthwise separable `ConvNorm`: a depthwise, then a 1x1 convolution.

    Batch norm and ReLU follow each of the two, as in DeepLabV3+; the last activation
    can be changed. A 3x3 convolution costs up to nine times less this way.

    Args:
        filters: int. The number of output channels.
        kernel_size: int or pair of ints, of the depthwise convolution.
        dilation_rate: int or pair of ints, of the depthwise convolution.
        activation: Name of a Keras activation, or None. It follows the second batch
            norm; ReLU follows the first.
        use_bias: bool. Whether the convolutions have biases; see `ConvNorm`.
        **kwargs: Base layer arguments, such as `name` and `dtype`.

    Input shape:
        `(batch, height, width, channels)`, with `channels` known.

    Output shape:
        `(batch, height, width, filters)`.

    Raises:
        ValueError: If the input does not have rank 4, or if Keras is configured for
            `channels_first`.

    Example:
        `SeparableConvNorm(8, 3)(keras.ops.ones((2, 6, 5, 3)))` has shape
        `(2, 6, 5, 8)`.

    References:
        [Chen et al., 2018](https://arxiv.org/abs/1802.02611), section 3.1.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        dilation_rate: int | Sequence[int] = 1,
        activation: str | None = "relu",
        use_bias: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        require_channels_last(self)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        self.filters = filters
        self.kernel_size = kernel_size
        self.dilation_rate = dilation_rate
        self.use_bias = use_bias
        policy = self.dtype_policy  # sublayers do not inherit it
        self.depthwise = DepthwiseConv2D(
            kernel_size,
            padding="same",
            dilation_rate=dilation_rate,
            use_bias=use_bias,
            dtype=policy,
            name="depthwise",
        )
        self.depthwise_norm = BatchNormalization(
            momentum=0.9, epsilon=1e-5, dtype=policy, name="depthwise_norm"
        )
        self.relu = keras.layers.ReLU(dtype=policy)
        self.pointwise = ConvNorm(
            filters, 1, activation, use_bias=use_bias, dtype=policy, name="pointwise"
        )

    def build(self, input_shape):
        self.depthwise.build(input_shape)
        self.depthwise_norm.build(input_shape)
        self.pointwise.build(input_shape)
        self.restore_frozen()

    def call(self, inputs, training=None):
        x = self.depthwise_norm(self.depthwise(inputs), training=training)
        return self.pointwise(self.relu(x), training=training)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "dilation_rate": self.dilation_rate,
            "activation": keras.activations.serialize(
                self.pointwise.activation.activation
            ),
            "use_bias": self.use_bias,
        }
