"""Convolutions that are faster than those of Keras on TensorFlow."""

import contextlib
import math

import keras

from keras_seg.onednn import is_onednn_on
from keras_seg.ops.kernel_gradients import (
    convolved_maps,
    products_by_cell,
    products_of_views,
    sums_by_cell,
)
from keras_seg.ops.xla import tensorflow

# From this rate on, TensorFlow's own dilated convolution is faster than rearranging
# maps, and so is a gradient that is computed cell by cell of the kernel.
_LARGE_RATE = 4

# From this kernel size on, oneDNN's gradient of a depthwise kernel is slow.
_LARGE_KERNEL = 5

# From this number of channels and of values in an image's map on, matrix products are
# faster than oneDNN's gradient of a kernel.
_MANY_CHANNELS, _LARGE_MAP = 256, 2_000_000

_enabled = True


@contextlib.contextmanager
def plain_convolutions():
    """Context manager in which convolutions are traced as in Keras.

    Converters to other runtimes recognize dilated convolutions in Keras's ops.
    """
    global _enabled
    before, _enabled = _enabled, False
    try:
        yield
    finally:
        _enabled = before


def has_dilated_conv(kernel_size, rates, padding):
    """Returns whether `dilated_conv` is supported and faster than `keras.ops.conv`.

    Args:
        kernel_size: pair of ints.
        rates: pair of ints. The dilation of rows and columns.
        padding: "same" or "valid".
    """
    if not _is_dilated(rates):
        return False
    return max(rates) >= _LARGE_RATE or _is_centered(kernel_size, padding)


def has_dilated_depthwise_conv(kernel_size, rates, padding):
    """Returns whether `dilated_depthwise_conv` is supported."""
    return _is_dilated(rates) and _is_centered(kernel_size, padding)


def dilated_conv(x, kernel, rates, padding):
    """Computes a dilated convolution of stride 1 on the TensorFlow backend.

    `keras.ops.conv` rearranges the map with its borders into a batch of smaller maps,
    one for each remainder of the position modulo the rate, and back. This function does
    so for small rates, but without the borders. For larger rates it uses the dilation
    of TensorFlow's op. Because that op lacks dilated gradients on many CPUs, the
    gradient of the input is computed as another convolution, and that of the kernel as
    one matrix product for each of its cells, over the positions within the map.

    Args:
        x: float tensor `(batch, height, width, channels)`.
        kernel: tensor `(rows, columns, channels, filters)`, of the same dtype.
        rates: pair of ints.
        padding: "same" or "valid".

    Returns:
        Tensor `(batch, height, width, filters)`, smaller with "valid" padding.
    """
    tf = tensorflow()
    x, kernel = tf.convert_to_tensor(x), tf.convert_to_tensor(kernel)
    rates = tuple(rates)
    if max(rates) < _LARGE_RATE:
        return _on_smaller_maps(
            tf, x, rates, lambda maps: tf.nn.conv2d(maps, kernel, 1, "SAME")
        )
    if tf.config.get_visible_devices("GPU"):
        return _conv(tf, x, kernel, rates, padding.upper())
    reach = _reach(kernel, rates)
    borders = tuple((cells // 2, cells - cells // 2) for cells in reach)
    if padding == "valid":
        borders = ((0, 0), (0, 0))
    return _with_gradient(tf, x, kernel, rates, borders, padding.upper())


def depthwise_conv(x, kernel, strides, padding):
    """Computes a depthwise convolution on the TensorFlow backend.

    Args:
        x: float tensor `(batch, height, width, channels)`.
        kernel: tensor `(rows, columns, channels, multiplier)`, of the same dtype.
        strides: pair of ints.
        padding: "same" or "valid".

    Returns:
        Tensor `(batch, new height, new width, channels * multiplier)`.
    """
    tf = tensorflow()
    x, kernel = tf.convert_to_tensor(x), tf.convert_to_tensor(kernel)
    centered = max(strides) == 1 and _is_centered(kernel.shape[:2], padding)
    if centered and _has_slow_gradient(tf, kernel):
        return _depthwise_with_gradient(tf, x, kernel, (1, 1), convolved_maps)
    strides = (1, *strides, 1)
    return tf.nn.depthwise_conv2d(x, kernel, strides, padding.upper())


def dilated_depthwise_conv(x, kernel, rates):
    """Computes a dilated depthwise convolution of stride 1 with "same" padding.

    Args:
        x: float tensor `(batch, height, width, channels)`.
        kernel: tensor `(rows, columns, channels, multiplier)`, of the same dtype, with
            an odd number of rows and of columns.
        rates: pair of ints.

    Returns:
        Tensor `(batch, height, width, channels * multiplier)`.
    """
    tf = tensorflow()
    x, kernel = tf.convert_to_tensor(x), tf.convert_to_tensor(kernel)
    rates = tuple(rates)
    if kernel.shape[-1] > 1:
        return _depthwise(tf, x, kernel, rates)
    if max(rates) >= _LARGE_RATE:
        return _depthwise_with_gradient(tf, x, kernel, rates, sums_by_cell)
    if rates[0] == rates[1] and _has_slow_gradient(tf, kernel):
        return _depthwise_with_gradient(tf, x, kernel, rates, convolved_maps)
    return _depthwise(tf, x, kernel, rates)


def _depthwise(tf, x, kernel, rates):
    def conv(maps):
        return tf.nn.depthwise_conv2d(maps, kernel, (1, 1, 1, 1), "SAME")

    return conv(x) if max(rates) == 1 else _on_smaller_maps(tf, x, rates, conv)


def _has_slow_gradient(tf, kernel):
    return (
        _enabled
        and min(kernel.shape[:2]) >= _LARGE_KERNEL
        and kernel.shape[-1] == 1
        and _is_float32_on_cpu(tf, kernel)
        and is_onednn_on()
    )


def _depthwise_with_gradient(tf, x, kernel, rates, kernel_gradient):
    """Computes `_depthwise`, with another gradient of the kernel."""

    @tf.custom_gradient
    def conv(x, kernel):
        def gradient(dy):
            borders = [(cells // 2, cells // 2) for cells in _reach(kernel, rates)]
            # Not before dy: slices of x would be in memory all along.
            with tf.control_dependencies([dy]):
                turned = _turned(tf, kernel)
                dx = _depthwise_with_gradient(tf, dy, turned, rates, kernel_gradient)
                return dx, kernel_gradient(tf, x, kernel, dy, rates, borders)

        return _depthwise(tf, x, kernel, rates), gradient

    return conv(x, kernel)


def _is_dilated(rates):
    return _enabled and tensorflow() is not None and max(rates) > 1


def has_pointwise_conv(kernel_size, x):
    """Returns whether `pointwise_conv` is supported and faster than `keras.ops.conv`.

    Args:
        kernel_size: pair of ints.
        x: tensor to convolve.
    """
    tf = tensorflow()
    return (
        _enabled
        and tf is not None
        and max(kernel_size) == 1
        and _is_float32_on_cpu(tf, x)
    )


def pointwise_conv(x, kernel):
    """Computes a 1x1 convolution of stride 1 whose gradients are matrix products.

    TensorFlow's gradient op first copies the map, which only larger kernels need.

    Args:
        x: float32 tensor `(batch, height, width, channels)`.
        kernel: tensor `(1, 1, channels, filters)`.

    Returns:
        Tensor `(batch, height, width, filters)`.
    """
    tf = tensorflow()

    @tf.custom_gradient
    def conv(x, kernel):
        def gradient(dy):
            channels, filters = kernel.shape[2:]
            rows = tf.reshape(dy, (-1, filters))
            weights = tf.reshape(kernel, (channels, filters))
            dx = tf.linalg.matmul(rows, weights, transpose_b=True)
            cells = tf.reshape(x, (-1, channels))
            products = tf.linalg.matmul(cells, rows, transpose_a=True)
            return tf.reshape(dx, tf.shape(x)), tf.reshape(products, kernel.shape)

        return tf.nn.conv2d(x, kernel, 1, "VALID"), gradient

    return conv(tf.convert_to_tensor(x), tf.convert_to_tensor(kernel))


def has_large_conv(kernel, x, padding):
    """Returns whether `large_conv` is supported and faster than `keras.ops.conv`.

    Args:
        kernel: tensor `(rows, columns, channels, filters)`.
        x: tensor to convolve.
        padding: "same" or "valid".
    """
    tf = tensorflow()
    return (
        _enabled
        and tf is not None
        and None not in x.shape[1:]
        and min(kernel.shape[2:]) >= _MANY_CHANNELS
        and math.prod(x.shape[1:]) >= _LARGE_MAP
        and _is_centered(kernel.shape[:2], padding)
        and _is_float32_on_cpu(tf, x)
        and is_onednn_on()
    )


def large_conv(x, kernel):
    """Computes a convolution of stride 1 with "same" padding.

    The gradient of the kernel is one matrix product for each of its cells.

    Args:
        x: float32 tensor `(batch, height, width, channels)`.
        kernel: tensor `(rows, columns, channels, filters)`, with an odd number of rows
            and of columns.

    Returns:
        Tensor `(batch, height, width, filters)`.
    """
    tf = tensorflow()

    @tf.custom_gradient
    def conv(x, kernel):
        def gradient(dy):
            dx = tf.nn.conv2d_transpose(dy, kernel, tf.shape(x), 1, "SAME")
            with tf.control_dependencies([dx]):  # so that dy is in memory once
                return dx, products_of_views(tf, x, kernel, dy)

        return tf.nn.conv2d(x, kernel, 1, "SAME"), gradient

    return conv(tf.convert_to_tensor(x), tf.convert_to_tensor(kernel))


def _is_float32_on_cpu(tf, x):
    is_float32 = keras.backend.standardize_dtype(x.dtype) == "float32"
    return is_float32 and not tf.config.get_visible_devices("GPU")


def _is_centered(kernel_size, padding):
    return padding == "same" and all(size % 2 for size in kernel_size)


def _on_smaller_maps(tf, x, rates, conv):
    """Computes a centered convolution, dilated by the rates, on smaller maps.

    Cells whose positions have the same remainders modulo the rates only see each other,
    so they form a map of their own, with the same zeros around it.
    """
    sizes = [size or tf.shape(x)[axis] for axis, size in enumerate(x.shape[1:3], 1)]
    rest = [(0, -size % rate) for size, rate in zip(sizes, rates, strict=True)]
    maps = conv(tf.space_to_batch_nd(x, rates, rest))
    y = tf.batch_to_space(maps, rates, rest)
    y.set_shape((*x.shape[:3], maps.shape[-1]))
    return y


def _turned(tf, kernel):
    return tf.reverse(kernel, (0, 1))  # ten times as fast as a slice


def _reach(kernel, rates):
    """Returns the distance from the first to the last cell of a window, per axis."""
    sizes = kernel.shape[:2]
    return [(size - 1) * rate for size, rate in zip(sizes, rates, strict=True)]


def _conv(tf, x, kernel, rates, padding):
    return tf.nn.conv2d(x, kernel, 1, padding, dilations=rates)


def _with_gradient(tf, x, kernel, rates, borders, padding=None):
    """Convolves a map with zero borders; differentiable on any CPU.

    `padding` is TensorFlow's name for the borders, as exported files require.
    """

    @tf.custom_gradient
    def conv(x, kernel):
        explicit = [(0, 0), *borders, (0, 0)]
        y = _conv(tf, x, kernel, rates, padding or explicit)

        def gradient(dy):
            rest = [
                tuple(cells - border for border in pair)
                for cells, pair in zip(_reach(kernel, rates), borders, strict=True)
            ]
            # Not before dy: slices of x would be in memory all along.
            with tf.control_dependencies([dy]):
                turned = tf.transpose(_turned(tf, kernel), (0, 1, 3, 2))
                dx = _with_gradient(tf, dy, turned, rates, rest)
                return dx, products_by_cell(tf, x, kernel, dy, rates, borders)

        return y, gradient

    return conv(x, kernel)
