import tensorflow as tf

from keras_seg.positive_integer import require_positive_integer
from keras_seg.typing import Tensor


def low_resolution(images: Tensor, scale: int) -> Tensor:
    """Downscales images by averaging each block of `scale` x `scale` pixels.

    Rows and columns at the bottom and right that do not fill a block are dropped. For
    an integer factor, this is exact area resampling, where bilinear interpolation would
    skip pixels.

    Args:
        images: float tensor `(batch, height, width, channels)`; or, for HANet, a pair
            of images and row positions, integers `(batch, height)`. The position of the
            middle row of each block is kept.
        scale: int.

    Returns:
        Tensor `(batch, height // scale, width // scale, channels)`, or the pair.

    Raises:
        ValueError: If `scale` is not a positive integer.

    Example:
        `low_resolution(tf.ones((1, 45, 60, 3)), 2)` has the shape `(1, 22, 30, 3)`.
    """
    scale = require_positive_integer("scale", scale)
    if not isinstance(images, (tuple, list)):
        return tf.nn.avg_pool2d(images, scale, scale, "VALID")
    images, positions = images
    images = low_resolution(images, scale)
    rows = positions[:, scale // 2 :: scale][:, : tf.shape(images)[1]]
    return images, tf.ensure_shape(rows, images.shape[:2])
