import keras
from keras import ops

from keras_seg.ops.convolution import (
    depthwise_conv,
    dilated_depthwise_conv,
    has_dilated_depthwise_conv,
)
from keras_seg.ops.recomputation import recompute_input
from keras_seg.ops.xla import tensorflow


@keras.saving.register_keras_serializable(package="keras_seg")
class DepthwiseConv2D(keras.layers.DepthwiseConv2D):
    """`keras.layers.DepthwiseConv2D`, faster on TensorFlow when dilated.

    Keras rearranges a map with its border into a batch of smaller maps for every
    dilated convolution; this layer leaves the border out. On a CPU, it recomputes its
    input for the gradient as `keras_seg.layers.Conv2D` does. Results, weights and
    weight files are the same; on other backends it is Keras's layer.

    Args:
        *args: See `keras.layers.DepthwiseConv2D`.
        **kwargs: See `keras.layers.DepthwiseConv2D`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, new height, new width, channels * depth_multiplier)`.

    Example:
        ```python
        x = keras.ops.ones((2, 32, 32, 4))
        DepthwiseConv2D(3, padding="same", dilation_rate=6)(x).shape  # (2, 32, 32, 4)
        ```
    """

    def call(self, inputs):
        if tensorflow() is None or not (self._is_dilated() or self._is_plain()):
            return super().call(inputs)
        outputs = recompute_input(self._convolve, inputs, self.kernel)
        if self.use_bias:
            outputs = outputs + ops.cast(self.bias, outputs.dtype)
        return self.activation(outputs)

    def _convolve(self, inputs, kernel):
        if self._is_dilated():
            return dilated_depthwise_conv(inputs, kernel, self.dilation_rate)
        return depthwise_conv(inputs, kernel, self.strides, self.padding)

    def _is_plain(self):
        return max(self.dilation_rate) == 1 and self.data_format == "channels_last"

    def _is_dilated(self):
        return (
            has_dilated_depthwise_conv(
                self.kernel_size, self.dilation_rate, self.padding
            )
            and max(self.strides) == 1
            and self.data_format == "channels_last"
        )
