import tensorflow as tf

from keras_seg.positive_integer import require_positive_integer


def low_resolution(images, scale):
    """Images at a fraction of their size: the mean of each `scale` x `scale` block.

    Rows and columns at the bottom and right that do not fill a block are left out. It
    is what anti-aliasing by area does, exact for a whole factor, where bilinear
    interpolation would skip pixels.

    Args:
        images: float tensor `(batch, height, width, channels)`; or, as HANet takes, the
            pair of these and the positions of their rows, integers `(batch, height)`:
            of each block's rows the middle one's is kept.
        scale: int.

    Returns:
        Tensor `(batch, height // scale, width // scale, channels)`, or the pair.

    Raises:
        ValueError: If `scale` is not a positive integer.

    Example: `low_resolution(tf.ones((1, 45, 60, 3)), 2)` has shape `(1, 22, 30, 3)`.
    """
    require_positive_integer("scale", scale)
    if not isinstance(images, (tuple, list)):
        return tf.nn.avg_pool2d(images, scale, scale, "VALID")
    images, positions = images
    images = low_resolution(images, scale)
    rows = positions[:, scale // 2 :: scale][:, : tf.shape(images)[1]]
    return images, tf.ensure_shape(rows, images.shape[:2])
