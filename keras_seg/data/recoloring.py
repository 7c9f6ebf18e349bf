"""Colours of augmented images: one matrix and one offset for all changes, and blur."""

import math

import numpy as np
import tensorflow as tf

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def color_matrix(saturation, hue):
    """The matrix by which RGB rows are multiplied to change saturation and hue.

    Args:
        saturation: float tensor `()`. The distance of a colour from its grey (its luma)
            is multiplied by it.
        hue: float tensor `()`. The share of a circle by which colours are turned about
            the grey axis.

    Returns:
        float32 `(3, 3)`. Greys stay as they are.
    """
    grey = tf.constant([[weight] * 3 for weight in _LUMA])
    saturate = saturation * tf.eye(3) + (1 - saturation) * grey
    angle = 2 * math.pi * hue
    cross = tf.constant([[0.0, 1.0, -1.0], [-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]])
    turn = (
        tf.cos(angle) * tf.eye(3)
        + (1 - tf.cos(angle)) / 3
        + tf.sin(angle) / math.sqrt(3) * cross
    )
    return saturate @ turn


def recolor(image, matrix, amounts):
    """Changes brightness, contrast and colours in one pass.

    Args:
        image: float32 `(height, width, 3)` in 0..255.
        matrix: float32 `(3, 3)`: see `color_matrix`.
        amounts: float32 `(2,)`: by how much the distance from each channel's mean is
            multiplied, and what is added.

    Returns:
        float32 `(height, width, 3)` in 0..255.
    """
    contrast, brightness = tf.unstack(amounts)
    mean = tf.reduce_mean(tf.reduce_mean(image, axis=0), axis=0)
    offset = tf.linalg.matvec(
        matrix, (1 - contrast) * mean + brightness, transpose_a=True
    )
    pixels = tf.reshape(image, (-1, 3)) @ (contrast * matrix)
    pixels = tf.nn.bias_add(pixels, offset)  # several times as fast as "+" here
    # One op, where tf.clip_by_value is two.
    pixels = tf.raw_ops.ClipByValue(t=pixels, clip_value_min=0.0, clip_value_max=255.0)
    return tf.reshape(pixels, image.shape)


def blur(image, deviation, largest):
    """Blurs by a Gaussian; beyond its edges the image is mirrored.

    Args:
        image: float32 `(height, width, channels)`.
        deviation: float tensor `()`, the standard deviation in pixels.
        largest: float, the largest that `deviation` may be.

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
