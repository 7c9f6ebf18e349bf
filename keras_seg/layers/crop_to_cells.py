from typing import Any

import keras
from keras import ops

from keras_seg.ceil_division import ceil_division
from keras_seg.layers.data_format import require_channels_last
from keras_seg.positive_integer import require_positive_integer


@keras.saving.register_keras_serializable(package="keras_seg")
class CropToCells(keras.layers.Layer):
    """Crops the features of a padded image to the cells of the image.

    Keeps `ceil(scale * size / stride)` cells from the top left.

    Args:
        stride: int. The stride of the features relative to their image.
        scale: int. The factor by which the image was enlarged before the features were
            computed.
        **kwargs: Base layer arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: pair of the features `(batch, rows, columns, channels)` and the image
            before padding, `(batch, height, width, image channels)`.

    Returns:
        `(batch, ceil(scale * height / stride), ceil(scale * width / stride),
        channels)`.

    Raises:
        ValueError: If `stride` or `scale` is not a positive integer, if the inputs are
            not two tensors of rank 4, or if Keras is configured for `channels_first`.

    Example:
        ```python
        features, image = keras.ops.ones((1, 4, 4, 8)), keras.ops.ones((1, 45, 60, 3))
        CropToCells(16)([features, image]).shape  # (1, 3, 4, 8)
        ```
    """

    def __init__(self, stride: int, scale: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        require_channels_last(self)
        stride = require_positive_integer("stride", stride)
        scale = require_positive_integer("scale", scale)
        self.input_spec = [keras.layers.InputSpec(ndim=4)] * 2
        self.stride = stride
        self.scale = scale

    def call(self, inputs):
        x, image = inputs
        rows, columns = map(self._cells, ops.shape(image)[1:3])
        # Static sizes that match need no slice, whose gradient would copy the map.
        is_known = isinstance(rows, int) and isinstance(columns, int)
        if is_known and tuple(x.shape[1:3]) == (rows, columns):
            return x
        return x[:, :rows, :columns]

    def compute_output_shape(self, input_shape):
        (batch, *_, channels), (_, *sizes, _) = input_shape
        cells = [None if size is None else self._cells(size) for size in sizes]
        return (batch, *cells, channels)

    def _cells(self, size):
        return ceil_division(size * self.scale, self.stride)

    def get_config(self):
        return super().get_config() | {"stride": self.stride, "scale": self.scale}
