import keras
from keras import ops

from keras_seg.ceil_division import ceil_division


def same_paddings(x, window, strides, rate):
    """Computes `same_padding` along rows and columns."""
    sizes = zip(ops.shape(x)[1:3], window, strides, strict=True)
    return [same_padding(*size, rate) for size in sizes]


def same_padding(cells, window, stride, rate):
    """Computes the padding with which a dilated window starts where the strided did.

    TensorFlow's "same" padding places a strided window differently on maps of even and
    of odd sizes. The dilated window that replaces it, on a map that is `rate` times
    finer, has to be placed in the same way.

    Args:
        cells: int or integer tensor, the size of the finer map.
        window, stride: ints, of the strided layer.
        rate: int, the dilation rate.

    Returns:
        Pair of the cells to add before and after the map. With them, the dilated layer
        keeps the size of the map.
    """
    # Written without negative numbers: ONNX rounds their quotients up.
    strided_input = ceil_division(cells, rate)
    windows = ceil_division(strided_input, stride)
    total = (windows - 1) * stride + window - strided_input
    total = max(total, 0) if isinstance(total, int) else ops.maximum(total, 0)
    before = total // 2 * rate
    return before, (window - 1) * rate - before


@keras.saving.register_keras_serializable(package="keras_seg")
class SamePadding2D(keras.layers.Layer):
    """Pads a map for a dilated window that replaces a strided one with "same" padding.

    Args:
        window: pair of ints. Cells of the window along rows and columns.
        strides: pair of ints. Strides of the layer that was replaced.
        rate: int. Dilation rate of the window.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, rows, columns, channels)`, where `rows` is
        `height + (window - 1) * rate`, and `columns` likewise.

    Example:
        ```python
        x = SamePadding2D((3, 3), strides=(2, 2), rate=1)(keras.ops.ones((1, 8, 9, 3)))
        x.shape  # (1, 10, 11, 3): nothing above, one column on the left
        ```
    """

    def __init__(self, window, strides, rate, **kwargs):
        super().__init__(**kwargs)
        self.window = tuple(window)
        self.strides = tuple(strides)
        self.rate = rate

    def call(self, x):
        padding = same_paddings(x, self.window, self.strides, self.rate)
        return ops.pad(x, [(0, 0), *padding, (0, 0)])

    def compute_output_shape(self, input_shape):
        batch, *sizes, channels = input_shape
        padded = [
            None if cells is None else cells + (window - 1) * self.rate
            for cells, window in zip(sizes, self.window, strict=True)
        ]
        return (batch, *padded, channels)

    def get_config(self):
        return super().get_config() | {
            "window": self.window,
            "strides": self.strides,
            "rate": self.rate,
        }
