"""Gradients of the kernels of convolutions, without TensorFlow's ops for them.

Unless stated otherwise, the functions take the module, the map, the kernel, the
gradient of the output, the rates, and the zeros before and after rows and columns.
"""

from keras_seg.ops.precision import at_least_float32


def products_by_cell(tf, x, kernel, dy, rates, borders):
    """Returns the gradient of a kernel, one matrix product for each of its cells.

    Each is over the positions within the map.
    """
    *_, channels, filters = kernel.shape

    def product(seen, seeing):
        cells = tf.reshape(seen, (-1, channels))
        outputs = tf.reshape(seeing, (-1, filters))
        return tf.linalg.matmul(cells, outputs, transpose_a=True)

    return _gradient_by_cell(tf, product, (x, kernel, dy, rates, borders))


def sums_by_cell(tf, x, kernel, dy, rates, borders):
    """Returns the gradient of a depthwise kernel, one sum for each of its cells."""

    def product(seen, seeing):
        return tf.reduce_sum(seen * seeing, (0, 1, 2))

    return _gradient_by_cell(tf, product, (x, kernel, dy, rates, borders))


def convolved_maps(tf, x, kernel, dy, rates, borders):
    """Returns the gradient of a depthwise kernel as one depthwise convolution.

    Each map of `x` is convolved with that of `dy`. The rates are strides, as the cells
    of the kernel lie that far from each other.
    """
    rows, columns, channels, _ = kernel.shape

    def beside(maps):
        maps = tf.transpose(maps, (1, 2, 0, 3))
        height, width, batch, _ = (
            size or tf.shape(maps)[i] for i, size in enumerate(maps.shape)
        )
        return tf.reshape(maps, (height, width, batch * channels))

    seen = beside(tf.pad(x, [(0, 0), *borders, (0, 0)]))[None]
    seeing = beside(dy)[..., None]
    cells = tf.nn.depthwise_conv2d(seen, seeing, (1, *rates, 1), "VALID")
    return tf.reduce_sum(tf.reshape(cells, (rows, columns, -1, channels, 1)), 2)


def products_of_views(tf, x, kernel, dy):
    """Returns the gradient of a kernel, one matrix product for each of its cells.

    Each cell sees a map with zeros around it, as one long row of pixels, from a fixed
    distance: a part of the row, which is no copy. The rates are 1, the padding "same".
    """
    rows, columns, channels, filters = kernel.shape
    height, width = rows // 2, columns // 2
    seen = tf.pad(x, [(0, 0), (height, height), (width, width), (0, 0)])
    seeing = tf.pad(dy, [(0, 0), (0, 2 * height), (0, 2 * width), (0, 0)])
    line = tf.shape(seen)[2]
    seen = tf.reshape(seen, (-1, channels))
    seeing = tf.reshape(seeing, (-1, filters))
    count = tf.shape(seen)[0] - (rows - 1) * line - columns + 1
    products = []
    for row in range(rows):
        for column in range(columns):
            start = row * line + column
            shifted = seen[start : start + count]
            products.append(tf.linalg.matmul(shifted, seeing[:count], transpose_a=True))
    return tf.reshape(tf.stack(products), kernel.shape)


def _gradient_by_cell(tf, product, of):
    """Returns the gradient of a kernel, one product for each of its cells.

    They are computed one after the other, so that only one pair of slices is in memory.

    Args:
        tf: the module.
        product: function of matching inputs and outputs, in float32 or wider.
        of: tuple of the map, the kernel, the gradient of the output, rates and borders.
    """
    x, kernel, dy, rates, borders = of
    rows, columns = kernel.shape[:2]
    products = []
    for row in range(rows):
        for column in range(columns):
            with tf.control_dependencies(products[-1:]):
                seen, seeing = x, dy
                for axis, cell in ((1, row), (2, column)):
                    offset = cell * rates[axis - 1] - borders[axis - 1][0]
                    seen, seeing = _overlap(tf, seen, seeing, axis, offset)
            products.append(product(at_least_float32(seen), at_least_float32(seeing)))
    products = tf.reshape(tf.stack(products), kernel.shape)
    return tf.cast(products, kernel.dtype)


def _overlap(tf, x, y, axis, offset):
    """Returns the cells of `x` shifted by `offset` and of `y` that lie in both maps."""
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
