from collections.abc import Sequence
from typing import Any

import keras

from keras_seg.layers.batch_normalization import BatchNormalization
from keras_seg.layers.composite_layer import CompositeLayer
from keras_seg.layers.conv2d import Conv2D
from keras_seg.layers.data_format import require_channels_last


@keras.saving.register_keras_serializable(package="keras_seg")
class ConvNorm(CompositeLayer):
    """Convolution with "same" padding, batch norm and an activation.

    The building block of the papers' heads. Batch norm has epsilon 1e-5 and momentum
    0.9, as in the released networks (PyTorch's momentum 0.1).

    Args:
        filters: int. The number of output channels.
        kernel_size: int or pair of ints.
        activation: Name of a Keras activation, or None.
        dilation_rate: int or pair of ints.
        use_bias: bool. Whether the convolution has a bias. Batch norm cancels it, so it
            is useful only for weights that were trained with one.
        **kwargs: Base layer arguments, such as `name` and `dtype`.

    Input shape:
        `(batch, height, width, channels)`, with `channels` known.

    Output shape:
        `(batch, height, width, filters)`.

    Raises:
        ValueError: If the input does not have rank 4, or if Keras is configured for
            `channels_first`.

    Example:
        `ConvNorm(8, 3)(keras.ops.ones((2, 6, 5, 3)))` has shape `(2, 6, 5, 8)`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        activation: str | None = "relu",
        dilation_rate: int | Sequence[int] = 1,
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
        self.conv = Conv2D(
            filters,
            kernel_size,
            padding="same",
            dilation_rate=dilation_rate,
            use_bias=use_bias,
            dtype=policy,
        )
        self.norm = BatchNormalization(momentum=0.9, epsilon=1e-5, dtype=policy)
        self.activation = keras.layers.Activation(activation or "linear", dtype=policy)

    def build(self, input_shape):
        self.conv.build(input_shape)
        self.norm.build(self.compute_output_shape(input_shape))
        self.restore_frozen()

    def call(self, inputs, training=None):
        return self.activation(self.norm(self.conv(inputs), training=training))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "activation": keras.activations.serialize(self.activation.activation),
            "dilation_rate": self.dilation_rate,
            "use_bias": self.use_bias,
        }
