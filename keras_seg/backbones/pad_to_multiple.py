import keras
from keras import ops

from keras_seg.ceil_division import ceil_division


@keras.saving.register_keras_serializable(package="keras_seg")
class PadToMultiple(keras.layers.Layer):
    """Pads images at the bottom and right to a multiple of a size.

    Args:
        multiple: int. The height and width become multiples of this.
        mode: "zeros", or "edge" to repeat the last row and column.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, rows, columns, channels)`, where `rows` is
        `ceil(height / multiple) * multiple`, and `columns` likewise.

    Raises:
        ValueError: If `mode` is neither "zeros" nor "edge".

    Example:
        ```python
        PadToMultiple(2)(keras.ops.ones((1, 45, 60, 3))).shape  # (1, 46, 60, 3)
        ```
    """

    def __init__(self, multiple, mode="zeros", **kwargs):
        super().__init__(**kwargs)
        if mode not in ("zeros", "edge"):
            raise ValueError(f'`mode` must be "zeros" or "edge". Received: {mode=}')
        self.multiple = multiple
        self.mode = mode

    def call(self, x):
        if self.mode == "edge":
            for axis in (1, 2):
                cells = ops.shape(x)[axis]
                if isinstance(cells, int) and cells % self.multiple == 0:
                    continue
                index = ops.arange(self._padded(cells))
                x = ops.take(x, ops.minimum(index, cells - 1), axis=axis)
            return x
        sizes = ops.shape(x)[1:3]
        missing = [self._padded(cells) - cells for cells in sizes]
        return ops.pad(x, [(0, 0), *((0, cells) for cells in missing), (0, 0)])

    def _padded(self, cells):
        return ceil_division(cells, self.multiple) * self.multiple

    def compute_output_shape(self, input_shape):
        batch, *sizes, channels = input_shape
        padded = [None if cells is None else self._padded(cells) for cells in sizes]
        return (batch, *padded, channels)

    def get_config(self):
        return super().get_config() | {
            "multiple": self.multiple,
            "mode": self.mode,
        }
