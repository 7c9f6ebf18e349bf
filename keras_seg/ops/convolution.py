"""Convolutions on TensorFlow that take less time than those of Keras."""

import contextlib

import keras

from keras_seg.ops.precision import at_least_float32
from keras_seg.ops.xla import tensorflow

# From here on TensorFlow's op takes less time than what it costs to take maps apart,
# and so does a gradient by the cells of the kernel.
_LARGE_RATE = 4

_enabled = True


@contextlib.contextmanager
def plain_convolutions():
    """Within the block convolutions are traced as Keras does.

    What converts graphs for other runtimes finds dilated convolutions in these ops.
    """
    global _enabled
    before, _enabled = _enabled, False
    try:
        yield
    finally:
        _enabled = before


def has_dilated_conv(kernel_size, rates, padding):
    """Whether `dilated_conv` is there, and faster than `keras.ops.conv`.

    Args:
        kernel_size: pair of ints.
        rates: pair of ints. The dilation of rows and columns.
        padding: "same" or "valid".
    """
    if not _is_dilated(rates):
        return False
    return max(rates) >= _LARGE_RATE or _is_centred(kernel_size, padding)


def has_dilated_depthwise_conv(kernel_size, rates, padding):
    """Whether `dilated_depthwise_conv` is there for a convolution by channel."""
    return _is_dilated(rates) and _is_centred(kernel_size, padding)


def dilated_conv(x, kernel, rates, padding):
    """A dilated convolution of stride 1 on the TensorFlow backend.

    `keras.ops.conv` there makes a batch of smaller maps of the image and its borders,
    one for each remainder of the place by the rate, and takes it apart again. Small
    rates are done so here too, but without the borders. For others TensorFlow's op
    for convolutions knows dilation, but on many CPUs not its gradients: there the
    gradient of the input is a convolution too, and that of the kernel a product of
    matrices for each of its cells, of the places that are within the image alone.

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


def dilated_depthwise_conv(x, kernel, rates):
    """A dilated convolution by channel, of stride 1 and "same" padding.

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
    if max(rates) < _LARGE_RATE or kernel.shape[-1] > 1:
        return _depthwise(tf, x, kernel, rates)
    return _depthwise_with_gradient(tf, x, kernel, tuple(rates))


def _depthwise(tf, x, kernel, rates):
    strides = (1, 1, 1, 1)
    return _on_smaller_maps(
        tf, x, rates, lambda maps: tf.nn.depthwise_conv2d(maps, kernel, strides, "SAME")
    )


def _depthwise_with_gradient(tf, x, kernel, rates):
    """The same, where TensorFlow's gradient would sum over many tiny maps."""

    @tf.custom_gradient
    def conv(x, kernel):
        def gradient(dy):
            dx = _depthwise_with_gradient(tf, dy, kernel[::-1, ::-1], rates)
            borders = [(cells // 2, cells // 2) for cells in _reach(kernel, rates)]
            products = [
                tf.reduce_sum(at_least_float32(seen * seeing), (0, 1, 2))
                for seen, seeing in _overlaps(tf, x, kernel, dy, rates, borders)
            ]
            products = tf.reshape(tf.stack(products), kernel.shape)
            return dx, tf.cast(products, kernel.dtype)

        return _depthwise(tf, x, kernel, rates), gradient

    return conv(x, kernel)


def _is_dilated(rates):
    return _enabled and tensorflow() is not None and max(rates) > 1


def has_pointwise_conv(kernel_size, x):
    """Whether `pointwise_conv` is there, and faster than `keras.ops.conv`.

    Args:
        kernel_size: pair of ints.
        x: the tensor to convolve.
    """
    tf = tensorflow()
    return (
        _enabled
        and tf is not None
        and max(kernel_size) == 1
        and keras.backend.standardize_dtype(x.dtype) == "float32"
        and not tf.config.get_visible_devices("GPU")
    )


def pointwise_conv(x, kernel):
    """A 1x1 convolution of stride 1, whose gradients are products of matrices.

    TensorFlow's op for the gradients copies the map first, as larger kernels need it.

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
            dx = tf.linalg.matmul(rows, kernel[0, 0], transpose_b=True)
            cells = tf.reshape(x, (-1, channels))
            products = tf.linalg.matmul(cells, rows, transpose_a=True)
            return tf.reshape(dx, tf.shape(x)), tf.reshape(products, kernel.shape)

        return tf.nn.conv2d(x, kernel, 1, "VALID"), gradient

    return conv(tf.convert_to_tensor(x), tf.convert_to_tensor(kernel))


def _is_centred(kernel_size, padding):
    return padding == "same" and all(size % 2 for size in kernel_size)


def _on_smaller_maps(tf, x, rates, conv):
    """A convolution that is centred on its cell, dilated by the rates.

    The cells whose places have the same remainders by the rates see each other alone:
    they are a map by themselves, with the same zeros around it.
    """
    sizes = [size or tf.shape(x)[axis] for axis, size in enumerate(x.shape[1:3], 1)]
    rest = [(0, -size % rate) for size, rate in zip(sizes, rates, strict=True)]
    maps = conv(tf.space_to_batch_nd(x, rates, rest))
    y = tf.batch_to_space(maps, rates, rest)
    y.set_shape((*x.shape[:3], maps.shape[-1]))
    return y


def _reach(kernel, rates):
    """The cells from the first to the last of a window, per axis."""
    sizes = kernel.shape[:2]
    return [(size - 1) * rate for size, rate in zip(sizes, rates, strict=True)]


def _conv(tf, x, kernel, rates, padding):
    return tf.nn.conv2d(x, kernel, 1, padding, dilations=rates)


def _with_gradient(tf, x, kernel, rates, borders, padding=None):
    """The convolution of an image with borders of zeros, differentiable on any CPU.

    `padding` is TensorFlow's name for the borders: exported files know no others.
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
            turned = tf.transpose(kernel[::-1, ::-1], (0, 1, 3, 2))
            dx = _with_gradient(tf, dy, turned, rates, rest)
            return dx, _kernel_gradient(tf, x, kernel, dy, rates, borders)

        return y, gradient

    return conv(x, kernel)


def _kernel_gradient(tf, x, kernel, dy, rates, borders):
    *_, channels, filters = kernel.shape
    products = []
    for seen, seeing in _overlaps(tf, x, kernel, dy, rates, borders):
        seen = at_least_float32(tf.reshape(seen, (-1, channels)))
        seeing = at_least_float32(tf.reshape(seeing, (-1, filters)))
        products.append(tf.linalg.matmul(seen, seeing, transpose_a=True))
    products = tf.reshape(tf.stack(products), kernel.shape)
    return tf.cast(products, kernel.dtype)


def _overlaps(tf, x, kernel, y, rates, borders):
    """For each cell of the kernel the places that it sees, and those that see by it."""
    rows, columns = kernel.shape[:2]
    for row in range(rows):
        for column in range(columns):
            seen, seeing = x, y
            for axis, cell in ((1, row), (2, column)):
                offset = cell * rates[axis - 1] - borders[axis - 1][0]
                seen, seeing = _overlap(tf, seen, seeing, axis, offset)
            yield seen, seeing


def _overlap(tf, x, y, axis, offset):
    """The cells of `x`, `offset` behind those of `y`, and these, within both maps."""
    x_size, y_size = x.shape[axis], y.shape[axis]
    smaller, larger = min, max
    if x_size is None or y_size is None:
        x_size, y_size = tf.shape(x)[axis], tf.shape(y)[axis]
        smaller, larger = tf.minimum, tf.maximum
    start = max(0, -offset)
    stop = larger(smaller(y_size, x_size - offset), start)
    before = (slice(None),) * axis
    return (
        x[(*before, slice(start + offset, stop + offset))],
        y[(*before, slice(start, stop))],
    )
