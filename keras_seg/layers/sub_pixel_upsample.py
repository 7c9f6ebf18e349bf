from typing import Any

import keras
from keras import ops

from keras_seg.layers.composite_layer import CompositeLayer
from keras_seg.layers.conv2d import Conv2D
from keras_seg.layers.data_format import (
    require_channels_last,
    require_known_channels,
)
from keras_seg.positive_integer import require_positive_integer


@keras.saving.register_keras_serializable(package="keras_seg")
class SubPixelUpsample(CompositeLayer):
    """Sub-pixel convolution: enlarges a map by rearranging channels (ESPCN).

    A convolution computes `filters * scale ** 2` channels, and those of a cell become
    `scale x scale` pixels. All pixels of a cell start with the same kernel (ICNR),
    which avoids checkerboard artifacts.

    Channel `(i * scale + j) * filters + k` of the convolution becomes channel k of the
    pixel in row i and column j of a cell, as in `tf.nn.depth_to_space`; PyTorch's
    PixelShuffle uses channel `(k * scale + i) * scale + j`.

    Args:
        scale: int. The factor for height and width.
        filters: int. The number of output channels, or None for that of the input.
        kernel_size: int. The kernel size of the convolution.
        kernel_initializer: initializer of the kernel of one pixel of each cell, which
            the others copy.
        **kwargs: Base layer arguments, such as `name` and `dtype`.

    Output shape:
        `(batch, height * scale, width * scale, filters)`.

    Call arguments:
        inputs: float tensor `(batch, height, width, channels)`, with `channels` known.

    Raises:
        ValueError: If `scale` or `filters` is not a positive integer, or if the
            channels are unknown.

    Example:
        `SubPixelUpsample(2, 3)(keras.ops.ones((1, 8, 9, 16))).shape` is
        `(1, 16, 18, 3)`.

    References:
        [Shi et al., 2016](https://arxiv.org/abs/1609.05158), section 3.1; ICNR: [Aitken
        et al., 2017](https://arxiv.org/abs/1707.02937).
    """

    def __init__(
        self,
        scale: int = 2,
        filters: int | None = None,
        kernel_size: int = 3,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        require_channels_last(self)
        scale = require_positive_integer("scale", scale)
        if filters is not None:
            filters = require_positive_integer("filters", filters)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        self.scale = scale
        self.filters = filters
        self.kernel_size = kernel_size
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        channels = input_shape[-1]
        require_known_channels(input_shape)
        self.conv = Conv2D(
            (self.filters or channels) * self.scale**2,
            self.kernel_size,
            padding="same",
            kernel_initializer=self._initialize,
            dtype=self.dtype_policy,
            name="conv",
        )
        self.conv.build(input_shape)
        self.restore_frozen()

    def _initialize(self, shape, dtype=None):
        *kernel, channels = shape
        pixel = (*kernel, channels // self.scale**2)
        return ops.tile(
            self.kernel_initializer(pixel, dtype=dtype), (1, 1, 1, self.scale**2)
        )

    def call(self, inputs):
        x = self.conv(inputs)
        batch, height, width, _ = ops.shape(x)
        filters = x.shape[-1] // self.scale**2
        cells = (batch, height, width, self.scale, self.scale, filters)
        x = ops.transpose(ops.reshape(x, cells), (0, 1, 3, 2, 4, 5))
        pixels = (batch, height * self.scale, width * self.scale, filters)
        return ops.reshape(x, pixels)

    def compute_output_shape(self, input_shape):
        batch, *sizes, channels = input_shape
        pixels = [None if size is None else size * self.scale for size in sizes]
        return (batch, *pixels, self.filters or channels)

    def get_config(self):
        return super().get_config() | {
            "scale": self.scale,
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
