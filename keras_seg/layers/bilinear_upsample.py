from typing import Any

import keras
from keras import ops

from keras_seg.layers.data_format import require_channels_last
from keras_seg.ops import resize_bilinear
from keras_seg.positive_integer import require_positive_integer


@keras.saving.register_keras_serializable(package="keras_seg")
class BilinearUpsample(keras.layers.Layer):
    """Enlarges a feature map bilinearly by an integer factor.

    Supports dynamic shapes, which `keras.layers.UpSampling2D(interpolation="bilinear")`
    refuses in a graph.

    Args:
        scale: int. The factor for height and width.
        **kwargs: Base layer arguments, such as `name` and `dtype`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, height * scale, width * scale, channels)`.

    Raises:
        ValueError: If `scale` is not a positive integer.

    Example:
        `BilinearUpsample(2)(keras.ops.ones((2, 6, 5, 3)))` has shape `(2, 12, 10, 3)`.
    """

    def __init__(self, scale: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        require_channels_last(self)
        scale = require_positive_integer("scale", scale)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        self.scale = scale

    def call(self, inputs):
        height, width = ops.shape(inputs)[1:3]
        return resize_bilinear(inputs, (height * self.scale, width * self.scale))

    def compute_output_shape(self, input_shape):
        batch, *sizes, channels = input_shape
        sizes = [None if size is None else size * self.scale for size in sizes]
        return (batch, *sizes, channels)

    def get_config(self):
        return super().get_config() | {"scale": self.scale}
