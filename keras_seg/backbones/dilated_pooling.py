import functools
import math

import keras
from keras import ops

from keras_seg.backbones.same_padding import same_paddings


@keras.saving.register_keras_serializable(package="keras_seg")
class DilatedPooling2D(keras.layers.Layer):
    """Pooling over dilated windows; replaces a pooling layer that loses its stride.

    Args:
        mode: "max" or "average".
        pool_size: pair of ints. Cells of a window along rows and columns.
        strides: pair of ints.
        dilation_rate: int. Distance between the cells of a window.
        padding: `((top, bottom), (left, right))` in cells, or "same" for the padding
            that TensorFlow gives windows with the strides `replaced_strides`. Padding
            is never the maximum and is not counted in averages.
        replaced_strides: pair of ints, for `padding="same"`: the strides of the layer
            that this one replaces.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, rows, columns, channels)`, where `rows` is
        `(height + padding - (pool_size - 1) * dilation_rate - 1) // stride + 1`.

    Raises:
        ValueError: If `mode` is neither "max" nor "average".

    Example:
        ```python
        pool = DilatedPooling2D("average", (2, 2), padding=((0, 1), (0, 1)))
        pool(keras.ops.ones((1, 8, 8, 3))).shape  # (1, 8, 8, 3)
        ```
    """

    def __init__(
        self,
        mode,
        pool_size,
        strides=(1, 1),
        dilation_rate=1,
        padding=((0, 0), (0, 0)),
        replaced_strides=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if mode not in ("max", "average"):
            raise ValueError(f'`mode` must be "max" or "average". Received: {mode=}')
        self.mode = mode
        self.pool_size = tuple(pool_size)
        self.strides = tuple(strides)
        self.dilation_rate = dilation_rate
        self.padding = padding if padding == "same" else tuple(map(tuple, padding))
        self.replaced_strides = replaced_strides and tuple(replaced_strides)

    def call(self, x):
        if self.mode == "max":
            return self._pool(x, ops.maximum, -math.inf)
        cells = self._pool(ops.ones_like(x[:1, :, :, :1]), ops.add, 0.0)
        return self._pool(x, ops.add, 0.0) / cells

    def _pool(self, x, combine, padding_value):
        padding = self.padding
        if padding == "same":
            padding = same_paddings(
                x, self.pool_size, self.replaced_strides, self.dilation_rate
            )
        padding = [(0, 0), *padding, (0, 0)]
        x = ops.pad(x, padding, constant_values=padding_value)
        # Rows, then columns: both reductions are separable.
        for axis in (1, 2):
            size, stride = self.pool_size[axis - 1], self.strides[axis - 1]
            windows = []
            for cell in range(size):
                after = (size - 1 - cell) * self.dilation_rate
                part = slice(cell * self.dilation_rate, -after or None, stride)
                windows.append(x[(slice(None),) * axis + (part,)])
            x = functools.reduce(combine, windows)
        return x

    def compute_output_shape(self, input_shape):
        batch, *sizes, channels = input_shape
        outputs = []
        for axis, cells in enumerate(sizes):
            reach = (self.pool_size[axis] - 1) * self.dilation_rate
            # "same" adds as many cells as a window extends beyond its first one.
            added = reach if self.padding == "same" else sum(self.padding[axis])
            outputs.append(
                None
                if cells is None
                else (cells + added - reach - 1) // self.strides[axis] + 1
            )
        return (batch, *outputs, channels)

    def get_config(self):
        return super().get_config() | {
            "mode": self.mode,
            "pool_size": self.pool_size,
            "strides": self.strides,
            "dilation_rate": self.dilation_rate,
            "padding": self.padding,
            "replaced_strides": self.replaced_strides,
        }
