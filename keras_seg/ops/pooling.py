"""Pooling to strips, to grids and in windows."""

from keras import ops

from keras_seg.ceil_division import ceil_division
from keras_seg.ops.precision import at_least_float32
from keras_seg.ops.xla import xla_op


@xla_op
def strip_pool(x):
    """Averages a feature map along its rows and along its columns.

    `rows[i] = mean_j x[i, j]` and `columns[j] = mean_i x[i, j]`.

    Args:
        x: float tensor `(batch, height, width, channels)`, any sizes.

    Returns:
        A pair of tensors of the dtype of `x`: `rows (batch, height, 1, channels)` and
        `columns (batch, 1, width, channels)`.

    Example:

    ```python
    rows, columns = strip_pool(keras.ops.ones((2, 6, 5, 3)))
    rows.shape, columns.shape  # (2, 6, 1, 3), (2, 1, 5, 3)
    ```

    Reference: [Hou et al., 2020](https://arxiv.org/abs/2003.13328), equations 1 and 2.
    """
    wide = at_least_float32(x)
    rows = ops.mean(wide, axis=2, keepdims=True)
    columns = ops.mean(wide, axis=1, keepdims=True)
    return ops.cast(rows, x.dtype), ops.cast(columns, x.dtype)


@xla_op
def adaptive_average_pool(x, output_size):
    """Averages a feature map over a grid of bins, as PyTorch defines the bins.

    Bin `i` of `m` over `n` cells covers the cells `floor(i * n / m)` to
    `ceil((i + 1) * n / m)`, the end excluded: where `m` does not divide `n`, bins
    overlap, and where `m > n`, the pooling repeats cells. This is
    `torch.nn.AdaptiveAvgPool2d`; `keras.layers.AdaptiveAveragePooling2D` computes the
    same but refuses sizes that are known only at run time.

    Args:
        x: float tensor `(batch, height, width, channels)`, any sizes.
        output_size: pair of ints, the rows and columns of the grid.

    Returns:
        Tensor `(batch, rows, columns, channels)` of the dtype of `x`.

    Example:

    ```python
    adaptive_average_pool(keras.ops.ones((2, 7, 5, 3)), (3, 2)).shape  # (2, 3, 2, 3)
    ```
    """
    rows, columns = output_size
    height, width = ops.shape(x)[1:3]
    wide = at_least_float32(x)
    # Two small products: cheap next to any convolution, and so is their gradient,
    # where gathering cells bin by bin would scatter it back.
    wide = ops.einsum("ih,bhwc->biwc", _bins(height, rows, wide.dtype), wide)
    wide = ops.einsum("jw,biwc->bijc", _bins(width, columns, wide.dtype), wide)
    return ops.cast(wide, x.dtype)


@xla_op
def adaptive_max_pool(x, output_size):
    """The largest values of a feature map over the bins of `adaptive_average_pool`.

    This is `torch.nn.AdaptiveMaxPool2d`; `keras.layers.AdaptiveMaxPooling2D` computes
    the same but refuses sizes that are known only at run time. Where values of a bin
    are equal and largest, they share its gradient.

    Args:
        x: float tensor `(batch, height, width, channels)`, any sizes.
        output_size: pair of ints, the rows and columns of the grid.

    Returns:
        Tensor `(batch, rows, columns, channels)` of the dtype of `x`.

    Example:

    ```python
    adaptive_max_pool(keras.ops.ones((2, 7, 5, 3)), (3, 2)).shape  # (2, 3, 2, 3)
    ```
    """
    rows, columns = output_size
    return _largest(_largest(x, 2, columns), 1, rows)


def pool_windows(x, size):
    """Averages a feature map over square windows that lie side by side.

    Args:
        x: float tensor `(batch, height, width, channels)`, any sizes.
        size: int. The sides of the windows in cells; those of the map where that is
            smaller. Rows and columns at the end that do not fill a window are left out.

    Returns:
        Tensor `(batch, rows, columns, channels)`, float32 or wider.

    Example: `pool_windows(keras.ops.ones((2, 9, 3, 4)), 4)` has shape `(2, 2, 1, 4)`.
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
    """Pools one axis: gathers the cells of each bin, and takes the largest."""
    if bins == 1:
        return ops.max(x, axis=axis, keepdims=True)
    cells = ops.shape(x)[axis]
    start, end = _bounds(cells, bins)
    # No bin is longer; in a shorter one the last cell comes several times.
    step = ops.arange(ceil_division(cells, bins) + 1, dtype="int32")
    index = ops.minimum(start[:, None] + step, end[:, None] - 1)
    return ops.max(ops.take(x, index, axis=axis), axis=axis + 1)


def _bounds(cells, bins):
    """The first cell of each bin, and the one behind its last."""
    index = ops.arange(bins, dtype="int32")
    return index * cells // bins, ceil_division((index + 1) * cells, bins)


def _bins(cells, bins, dtype):
    """Matrix `(bins, cells)` that averages the cells of each bin."""
    start, end = (bound[:, None] for bound in _bounds(cells, bins))
    cell = ops.arange(cells, dtype="int32")[None, :]
    inside = ops.cast(ops.logical_and(cell >= start, cell < end), dtype)
    return inside / ops.cast(end - start, dtype)
