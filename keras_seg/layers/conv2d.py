import keras

from keras_seg.ops.convolution import (
    dilated_conv,
    has_dilated_conv,
    has_large_conv,
    has_pointwise_conv,
    large_conv,
    pointwise_conv,
)
from keras_seg.ops.recomputation import recompute_input


@keras.saving.register_keras_serializable(package="keras_seg")
class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D`, faster on TensorFlow for many kernels and maps.

    Keras rearranges a map into a batch of smaller maps for every dilated convolution.
    This layer does so without the border, and calls TensorFlow's own dilated
    convolution from a rate of 4 on. On a CPU it computes the gradients of 1x1
    convolutions, and with oneDNN those of the kernels of large maps, as matrix
    products, and training keeps less in memory: after
    `keras_seg.layers.BatchNormalization`, also with a ReLU, ReLU6 or dropout between,
    the input is recomputed for the gradient. Results, weights and weight files are the
    same; on other backends it is Keras's layer.

    Args:
        *args: See `keras.layers.Conv2D`.
        **kwargs: See `keras.layers.Conv2D`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, new height, new width, filters)`.

    Example:
        ```python
        x = keras.ops.ones((2, 32, 32, 4))
        Conv2D(8, 3, padding="same", dilation_rate=6)(x).shape  # (2, 32, 32, 8)
        ```
    """

    def convolution_op(self, inputs, kernel):
        """Returns the convolution, without bias and activation."""
        return recompute_input(self._convolve, inputs, kernel)

    def _convolve(self, inputs, kernel):
        if (
            max(self.strides) == self.groups == 1
            and self.data_format == "channels_last"
        ):
            rates, padding = self.dilation_rate, self.padding
            if has_dilated_conv(self.kernel_size, rates, padding):
                return dilated_conv(inputs, kernel, rates, padding)
            if has_pointwise_conv(self.kernel_size, inputs):
                return pointwise_conv(inputs, kernel)
            if max(rates) == 1 and has_large_conv(kernel, inputs, padding):
                return large_conv(inputs, kernel)
        return super().convolution_op(inputs, kernel)
