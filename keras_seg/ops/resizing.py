"""Bilinear resizing with support for dynamic shapes."""

import operator
from collections.abc import Sequence

import numpy as np
from keras import ops

from keras_seg.ops.gradients import custom_gradient
from keras_seg.ops.precision import at_least_float32, wide_dtype, widest_integers
from keras_seg.ops.xla import has_slow_gathering, xla_op
from keras_seg.typing import Tensor


@xla_op(on_cpu=False)
def resize_bilinear(
    x: Tensor, size: Sequence[Tensor], align_corners: bool = False
) -> Tensor:
    """Resizes feature maps bilinearly to any size, static or dynamic.

    Output row `i` of `m` takes the value at input row `(i + 1/2) * n / m - 1/2` of `n`
    (half-pixel centers), or at `i * (n - 1) / (m - 1)` with `align_corners`, which
    keeps the centers of the corner pixels in place. Values beyond the border are those
    of the border, and there is no anti-aliasing. Both modes equal those of
    `torch.nn.functional.interpolate`; `keras.ops.image.resize` supports only the first,
    and no dynamic shapes in a graph.

    Args:
        x: float tensor `(batch, height, width, channels)`, any sizes.
        size: pair `(height, width)` of ints or of scalar integer tensors.
        align_corners: bool.

    Returns:
        Tensor `(batch, *size, channels)` of the dtype of `x`, computed in float32 or
        wider.

    Example:
        ```python
        resize_bilinear(keras.ops.ones((2, 3, 5, 7)), (6, 9)).shape  # (2, 6, 9, 7)
        ```
    """
    wide = at_least_float32(x)
    wide = _resize_axis(wide, 2, size[1], align_corners)
    wide = _resize_axis(wide, 1, size[0], align_corners)
    return ops.cast(wide, x.dtype)


def _resize_axis(x, axis, outputs, align_corners):
    """Interpolates linearly along one axis."""
    cells = ops.shape(x)[axis]
    places = _places(cells, outputs, align_corners, wide_dtype(x))
    if has_slow_gathering():
        return _with_gradient(x, axis, cells, places)
    return _interpolate(x, axis, places)


def _places(cells, outputs, align_corners, dtype):
    """Returns the two cells that each output lies between, and its way to the second.

    The position of an output is `position / unit` cells. As both are integers, the
    weights are exact at any size; float32 positions would lose digits on large maps.
    Both exceed 32 bits on large maps.
    """
    cells, outputs = _static(cells), _static(outputs)
    if isinstance(cells, int) and isinstance(outputs, int):
        xp, dtype64 = np, "int64"  # also on JAX, whose own integers have 32 bits
    else:
        xp, dtype64 = ops, widest_integers()
        cells, outputs = ops.cast(cells, dtype64), ops.cast(outputs, dtype64)
    index = xp.arange(outputs, dtype=dtype64)
    if align_corners:
        unit = xp.maximum(outputs - 1, 1)
        position = index * (cells - 1)
    else:
        unit = 2 * outputs
        position = xp.clip((2 * index + 1) * cells - outputs, 0, unit * (cells - 1))
    lower = position // unit
    upper = xp.minimum(lower + 1, cells - 1)
    fraction = ops.cast(position - lower * unit, dtype) / ops.cast(unit, dtype)
    return ops.cast(lower, "int32"), ops.cast(upper, "int32"), fraction


def _static(size):
    """Returns a size as an int if its value is known."""
    try:
        return operator.index(size)
    except TypeError:
        return size


def _interpolate(x, axis, places):
    lower, upper, fraction = places
    fraction = ops.reshape(fraction, [-1] + [1] * (3 - axis))
    before, after = ops.take(x, lower, axis=axis), ops.take(x, upper, axis=axis)
    return before + (after - before) * fraction


def _with_gradient(x, axis, cells, places):
    """Interpolates, with a gradient that is a product with the interpolation matrix."""

    @custom_gradient
    def interpolate(x):
        def gradient(upstream):
            lower, upper, fraction = places
            before = ops.one_hot(lower, cells, axis=0, dtype=x.dtype) * (1 - fraction)
            after = ops.one_hot(upper, cells, axis=0, dtype=x.dtype) * fraction
            return (_multiply(before + after, upstream, axis),)

        return _interpolate(x, axis, places), gradient

    return interpolate(x)


def _multiply(matrix, x, axis):
    """Multiplies a matrix with the cells along the rows or columns of a feature map."""
    if axis == 2:
        return ops.matmul(matrix, x)
    batch, rows, columns, channels = ops.shape(x)
    x = ops.matmul(matrix, ops.reshape(x, (batch, rows, columns * channels)))
    return ops.reshape(x, (batch, matrix.shape[0] or -1, columns, channels))
