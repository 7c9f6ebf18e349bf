"""Padding of images of many sizes to a few fixed sizes."""

import tensorflow as tf


def pad_to_bucket(images, buckets, max_pixels):
    """Pads images to the smallest of several sizes that they fit in.

    A server then allocates memory for these few sizes instead of for every size that
    clients send. The last row and column are repeated, which disturbs predictions less
    than black borders. Padding costs accuracy: see docs/guides/serving.md.

    Args:
        images: tensor `(batch, height, width, channels)`.
        buckets: list of pairs (height, width).
        max_pixels: int. The largest number of pixels of all padded images.

    Returns:
        Tensor `(batch, padded height, padded width, channels)`.

    Raises:
        tf.errors.InvalidArgumentError: At run time, if the images fit in no bucket,
            or have too many pixels after padding.

    Example:
        `pad_to_bucket(images, [(512, 512), (512, 1024)], 10**7)` of images of 300x600
        has the shape `(batch, 512, 1024, 3)`.
    """
    ordered = sorted(buckets, key=lambda size: (size[0] * size[1], size))
    size = tf.shape(images)[1:3]
    fits = tf.reduce_all(size <= tf.constant(ordered), axis=1)
    largest = ", ".join(f"{height}x{width}" for height, width in ordered)
    some = tf.debugging.Assert(
        tf.reduce_any(fits),
        [
            "Images must fit in one of the sizes that the model was exported with, "
            f"{largest} (height x width). Received height and width:",
            size,
        ],
    )
    with tf.control_dependencies([some]):
        first = tf.argmax(tf.cast(fits, "int32"))  # the first of equal values
    target = tf.gather(tf.constant(ordered), first)
    padded = (tf.shape(images)[0], *tf.unstack(target))
    bounded = tf.debugging.Assert(
        tf.reduce_prod(tf.cast(padded, "int64")) <= max_pixels,
        [
            "The images of a request, padded to a size that the model was exported "
            f"with, must have at most {max_pixels} pixels together. Received images, "
            "height and width:",
            padded,
        ],
    )
    with tf.control_dependencies([bounded]):
        target = tf.identity(target)
    rows = tf.minimum(tf.range(target[0]), size[0] - 1)
    columns = tf.minimum(tf.range(target[1]), size[1] - 1)
    return tf.gather(tf.gather(images, rows, axis=1), columns, axis=2)
