"""Pooling to strips, to grids and over windows."""

from collections.abc import Sequence

from keras import ops

from keras_seg.ceil_division import ceil_division
from keras_seg.ops.precision import at_least_float32
from keras_seg.ops.xla import xla_op
from keras_seg.typing import Tensor


@xla_op
def strip_pool(x: Tensor) -> tuple[Tensor, Tensor]:
    """Averages a feature map along its rows and along its columns.

    `rows[i] = mean_j x[i, j]` and `columns[j] = mean_i x[i, j]`.

    Args:
        x: float tensor `(batch, height, width, channels)`, any sizes.

    Returns:
        Pair of tensors of the dtype of `x`: `rows (batch, height, 1, channels)` and
        `columns (batch, 1, width, channels)`.

    Example:
        ```python
        rows, columns = strip_pool(keras.ops.ones((2, 6, 5, 3)))
        rows.shape, columns.shape  # (2, 6, 1, 3), (2, 1, 5, 3)
        ```

    References:
        [Hou et al., 2020](https://arxiv.org/abs/2003.13328), equations 1 and 2.
    """
    wide = at_least_float32(x)
    rows = ops.mean(wide, axis=2, keepdims=True)
    columns = ops.mean(wide, axis=1, keepdims=True)
    return ops.cast(rows, x.dtype), ops.cast(columns, x.dtype)


@xla_op(on_cpu=False)
def adaptive_average_pool(x: Tensor, output_size: Sequence[int]) -> Tensor:
    """Averages a feature map over a grid of bins, as PyTorch defines the bins.

    Bin `i` of `m` over `n` cells covers the cells from `floor(i * n / m)` up to, but
    not including, `ceil((i + 1) * n / m)`. Bins overlap if `m` does not divide `n`, and
    repeat cells if `m > n`. This equals `torch.nn.AdaptiveAvgPool2d`;
    `keras.layers.AdaptiveAveragePooling2D` computes the same but does not support
    dynamic shapes.

    Args:
        x: float tensor `(batch, height, width, channels)`, any sizes.
        output_size: pair of ints, the rows and columns of the grid.

    Returns:
        Tensor `(batch, rows, columns, channels)` of the dtype of `x`.

    Example:
        ```python
        x = keras.ops.ones((2, 7, 5, 3))
        adaptive_average_pool(x, (3, 2)).shape  # (2, 3, 2, 3)
        ```
    """
    rows, columns = output_size
    height, width, channels = ops.shape(x)[1:]
    wide = at_least_float32(x)
    # Two small matrix products are cheap, and so is their gradient; gathering cells by
    # bin would need a scatter in the gradient. `einsum` would transpose the map.
    wide = ops.reshape(wide, (-1, height, width * channels))
    wide = ops.matmul(_bins(height, rows, wide.dtype), wide)
    wide = ops.reshape(wide, (-1, width, channels))
    wide = ops.matmul(_bins(width, columns, wide.dtype), wide)
    return ops.cast(ops.reshape(wide, (-1, rows, columns, channels)), x.dtype)


@xla_op
def adaptive_max_pool(x: Tensor, output_size: Sequence[int]) -> Tensor:
    """Returns the largest values of a feature map in the bins of a grid.

    The bins are those of `adaptive_average_pool`. This equals
    `torch.nn.AdaptiveMaxPool2d`; `keras.layers.AdaptiveMaxPooling2D` computes the same
    but does not support dynamic shapes. If several values of a bin are the largest,
    they share its gradient.

    Args:
        x: float tensor `(batch, height, width, channels)`, any sizes.
        output_size: pair of ints, the rows and columns of the grid.

    Returns:
        Tensor `(batch, rows, columns, channels)` of the dtype of `x`.

    Example:
        ```python
        x = keras.ops.ones((2, 7, 5, 3))
        adaptive_max_pool(x, (3, 2)).shape  # (2, 3, 2, 3)
        ```
    """
    rows, columns = output_size
    return _largest(_largest(x, 2, columns), 1, rows)


def pool_windows(x: Tensor, size: int) -> Tensor:
    """Averages a feature map over adjacent square windows.

    Args:
        x: float tensor `(batch, height, width, channels)`, any sizes.
        size: int. The side of the windows in cells, limited to the size of the map.
            Rows and columns at the end that do not fill a window are dropped.

    Returns:
        Tensor `(batch, rows, columns, channels)`, float32 or wider.

    Example:
        `pool_windows(keras.ops.ones((2, 9, 3, 4)), 4)` has shape `(2, 2, 1, 4)`.
    """
    x = at_least_float32(x)
    batch, height, width, channels = ops.shape(x)
    rows, columns = (_smaller(size, cells) for cells in (height, width))
    down, across = height // rows, width // columns
    x = x[:, : down * rows, : across * columns]
    x = ops.reshape(x, (batch, down, rows, across, columns, channels))
    return ops.mean(x, axis=(2, 4))


def _smaller(size, cells):
    if isinstance(cells, int):
        return min(size, cells)
    return ops.minimum(size, cells)


def _largest(x, axis, bins):
    """Max-pools one axis: gathers the cells of each bin and takes the largest."""
    if bins == 1:
        return ops.max(x, axis=axis, keepdims=True)
    cells = ops.shape(x)[axis]
    start, end = _bounds(cells, bins)
    # No bin is longer than this; shorter bins repeat their last cell.
    step = ops.arange(ceil_division(cells, bins) + 1, dtype="int32")
    index = ops.minimum(start[:, None] + step, end[:, None] - 1)
    return ops.max(ops.take(x, index, axis=axis), axis=axis + 1)


def _bounds(cells, bins):
    """Returns the first cell of each bin and the cell after its last."""
    index = ops.arange(bins, dtype="int32")
    return index * cells // bins, ceil_division((index + 1) * cells, bins)


def _bins(cells, bins, dtype):
    """Returns a matrix `(bins, cells)` that averages the cells of each bin."""
    start, end = (bound[:, None] for bound in _bounds(cells, bins))
    cell = ops.arange(cells, dtype="int32")[None, :]
    inside = ops.cast(ops.logical_and(cell >= start, cell < end), dtype)
    return inside / ops.cast(end - start, dtype)
