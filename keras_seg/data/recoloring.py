"""Color changes and blur of augmented images, with one matrix for all changes."""

import math

import numpy as np
import tensorflow as tf

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
# Rodrigues' rotation about the gray axis is a sum of the first three matrices; the last
# one turns colors gray.
_PARTS = np.array(
    [
        np.eye(3),
        np.ones((3, 3)),
        [[0, 1, -1], [-1, 0, 1], [1, -1, 0]],
        [[weight] * 3 for weight in _LUMA],
    ],
    "float32",
)


def color_matrix(saturation, hue):
    """Returns the matrix that changes the saturation and hue of RGB rows.

    Args:
        saturation: float tensor `()`. The factor of the distance of a color from its
            gray value (its luma).
        hue: float tensor `()`. The rotation of colors about the gray axis, as a share
            of a full circle.

    Returns:
        float32 `(3, 3)`. Grays do not change.
    """
    angle = 2 * math.pi * hue
    cos, sin = tf.cos(angle), tf.sin(angle)
    # Saturating scales the distance from the gray value, which does not turn.
    turn = tf.stack([cos, (1 - cos) / 3, sin / math.sqrt(3)])
    weights = tf.concat([saturation * turn, [1 - saturation]], axis=0)
    return tf.tensordot(weights, _PARTS, axes=1)


def recolor(image, matrix, contrast, brightness):
    """Changes brightness, contrast and colors in one pass.

    Args:
        image: float32 `(height, width, 3)` in 0..255.
        matrix: float32 `(3, 3)`; see `color_matrix`.
        contrast: float tensor `()`, the factor of the distance from the channel means.
        brightness: float tensor `()`, the value that is added.

    Returns:
        float32 `(height, width, 3)` in 0..255.
    """
    mean = tf.reduce_mean(tf.reduce_mean(image, axis=0), axis=0)
    offset = tf.linalg.matvec(
        matrix, (1 - contrast) * mean + brightness, transpose_a=True
    )
    height, width, _ = image.shape
    pixels = tf.reshape(image, (-1, 3)) @ (contrast * matrix)
    # TensorFlow is slow where the last axis is small.
    pixels = tf.reshape(pixels, (height, 3 * width))
    pixels = tf.nn.bias_add(pixels, tf.tile(offset, [width]))
    # A single op, unlike tf.clip_by_value.
    pixels = tf.raw_ops.ClipByValue(t=pixels, clip_value_min=0.0, clip_value_max=255.0)
    return tf.reshape(pixels, image.shape)


def blur(image, deviation, largest):
    """Blurs with a Gaussian; the image is mirrored at its edges.

    Args:
        image: float32 `(height, width, channels)`.
        deviation: float tensor `()`, the standard deviation in pixels.
        largest: float, the upper bound of `deviation`.

    Returns:
        float32 of the shape of `image`.
    """
    radius = min(math.ceil(3 * largest), *(side - 1 for side in image.shape[:2]))
    distance = np.arange(-radius, radius + 1, dtype="float32")
    weights = tf.exp(-0.5 * (distance / tf.maximum(deviation, 1e-3)) ** 2)
    weights = tf.reshape(weights / tf.reduce_sum(weights), (-1, 1, 1, 1))
    weights = tf.tile(weights, (1, 1, image.shape[-1], 1))
    edges = [[radius, radius]] * 2
    padded = tf.pad(image, [*edges, [0, 0]], "REFLECT")[None]
    for kernel in (weights, tf.transpose(weights, (1, 0, 2, 3))):
        padded = tf.nn.depthwise_conv2d(padded, kernel, [1, 1, 1, 1], "VALID")
    return padded[0]
