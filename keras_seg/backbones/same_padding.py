import keras
from keras import ops

from keras_seg.ceil_division import ceil_division


def same_paddings(x, window, strides, rate):
    """`same_padding` along rows and columns."""
    sizes = zip(ops.shape(x)[1:3], window, strides, strict=True)
    return [same_padding(*size, rate) for size in sizes]


def same_padding(cells, window, stride, rate):
    """The cells to add so that a dilated window starts where the strided one does.

    TensorFlow's "same" puts a strided window elsewhere on maps of even and of odd
    sizes. In place of the strided layer, on a map that is `rate` times finer, a window
    of the same taps has to follow it.

    Args:
        cells: the size of the finer map, an int or an integer tensor.
        window, stride: ints, of the strided layer.
        rate: int, the dilation.

    Returns:
        Pair of the cells before and behind, with which the map keeps its size.
    """
    # Of no negative numbers: ONNX's integer division rounds them up.
    strided_input = ceil_division(cells, rate)
    windows = ceil_division(strided_input, stride)
    total = (windows - 1) * stride + window - strided_input
    total = max(total, 0) if isinstance(total, int) else ops.maximum(total, 0)
    before = total // 2 * rate
    return before, (window - 1) * rate - before


@keras.saving.register_keras_serializable(package="keras_seg")
class SamePadding2D(keras.layers.Layer):
    """Pads a map for a dilated window that stands for one strided "same".

    Args:
        window: pair of ints. The cells of the window along rows and columns.
        strides: pair of ints. What the layer's strides were.
        rate: int. The dilation of the window.

    Shapes: `(batch, height, width, channels)` to the same with `(window - 1) * rate`
    rows and columns more.

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
