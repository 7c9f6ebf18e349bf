"""Geometry of augmented crops: scaling, cropping, flips and rotation.

Images, labels and row positions are each resampled by the same `Geometry`, so that they
stay aligned.
"""

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_seg.ops.positions import PADDING


class Geometry(NamedTuple):
    """Position of a crop in an image, as tensors.

    Attributes:
        size: int32 `(2,)`, height and width of the image.
        scaled: int32 `(2,)`, height and width after scaling.
        offset: int32 `(2,)`, the row and column of the scaled image at which the crop
            begins; negative if the crop begins with padding.
        flips: bool `(2,)`, whether the crop is flipped upside down and left to right.
        angle: float32 `()` in radians, the anticlockwise rotation of the crop about its
            center; or None.
    """

    size: tf.Tensor
    scaled: tf.Tensor
    offset: tf.Tensor
    flips: tf.Tensor
    angle: tf.Tensor = None

    def zoom(self):
        """Scale factors from the image to the scaled image, float32 `(2,)`."""
        return tf.cast(self.scaled, tf.float32) / tf.cast(self.size, tf.float32)


def move_image(image, geometry, crop_size):
    """Scales bilinearly, with antialiasing where the image shrinks, and crops.

    Args:
        image: `(height, width, channels)` of any number type.
        geometry: `Geometry`.
        crop_size: `(height, width)`.

    Returns:
        float32 `(*crop_size, channels)`; padding has the mean color of the image.
    """
    if geometry.angle is None:
        return _padded(image, _resampled(image, geometry, crop_size), geometry)
    window_size, margin = _window_around(crop_size)
    upright = geometry._replace(
        offset=geometry.offset - margin, flips=tf.constant([False, False])
    )
    window = _padded(image, _resampled(image, upright, window_size), upright)
    turned = tf.raw_ops.ImageProjectiveTransformV3(
        images=window[None],
        transforms=_rotation(geometry, crop_size, window_size)[None],
        output_shape=crop_size,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
        fill_value=0.0,
    )[0]
    return tf.ensure_shape(turned, (*crop_size, image.shape[-1]))


def move_label(label, geometry, crop_size, ignore_class):
    """Samples the nearest pixel of the half-pixel grid, so that labels never mix.

    Args:
        label: `(height, width)` or `(height, width, classes)`, integers.
        geometry: `Geometry`.
        crop_size: `(height, width)`.
        ignore_class: int. The label of padding.

    Returns:
        int32 `crop_size` or `(*crop_size, classes)`.
    """
    if geometry.angle is None:
        moved = _upright_label(label, geometry, crop_size, ignore_class)
    else:
        pixels, inside = _turned_sources(geometry, crop_size)
        moved = tf.cast(tf.gather_nd(label, pixels), tf.int32)
        moved = _filled(moved, inside, ignore_class)
    return tf.ensure_shape(moved, (*crop_size, *label.shape[2:]))


def move_rows(positions, geometry, crop_size):
    """Samples the positions of rows in the same way as the rows of the label.

    A rotated row has the position of its middle.

    Args:
        positions: integers `(height,)`; see `keras_seg.ops.row_positions`.
        geometry: `Geometry`.
        crop_size: `(height, width)`.

    Returns:
        int32 `(crop_size[0],)`, 128 where a whole row is padding.
    """
    positions = tf.cast(positions, tf.int32)
    if geometry.angle is None:
        rows, inside = _sources(0, geometry, crop_size)
    else:
        pixels, covered = _turned_sources(geometry, crop_size)
        rows = pixels[:, crop_size[1] // 2, 0]
        inside = tf.reduce_any(covered, axis=1)
    moved = tf.where(inside, tf.gather(positions, rows), PADDING)
    return tf.ensure_shape(moved, crop_size[:1])


def offset_around(pixel, place, geometry, crop_size):
    """Returns the offset of a crop that has a given image pixel at a given place.

    Args:
        pixel: int32 `(2,)`, a row and a column of the image.
        place: float32 `(2,)` in 0..1, the place of the pixel in the crop.
        geometry: `Geometry`. Its own offset is kept along axes on which the whole image
            fits into the crop.
        crop_size: `(height, width)`.

    Returns:
        int32 `(2,)`. The crop stays inside the image.
    """
    scaled = tf.floor((tf.cast(pixel, tf.float32) + 0.5) * geometry.zoom())
    # Both are pixel centers, so their difference is an integer without rotation.
    target = tf.floor(place * crop_size) + 0.5 - _halves(crop_size)
    if geometry.angle is not None:
        target = tf.linalg.matvec(_matrix(geometry.angle), target)
    offset = tf.round(scaled + 0.5 - target - _halves(crop_size))
    offset = tf.cast(offset, tf.int32)
    spare = geometry.scaled - crop_size
    inside = tf.clip_by_value(offset, 0, tf.maximum(spare, 0))
    return tf.where(spare > 0, inside, geometry.offset)


def _resampled(image, geometry, size):
    """Returns the scaled image in the crop, with 0 beyond the image.

    The source window of the crop is cut out first, so that the time depends on the size
    of the crop and not on that of the image.
    """
    zoom = geometry.zoom()
    first = tf.cast(geometry.offset, tf.float32)
    reach = 1 + tf.maximum(1 / zoom, 1)  # antialiasing kernel, in source pixels
    low = tf.cast(tf.floor(first / zoom - reach), tf.int32)
    high = tf.cast(tf.math.ceil((first + size) / zoom + reach), tf.int32)
    low = tf.clip_by_value(low, 0, geometry.size - 1)
    high = tf.clip_by_value(high, low + 1, geometry.size)
    window = image[low[0] : high[0], low[1] : high[1]]
    # A flipped crop equals the crop of a flipped window, measured from its other end.
    dims = tf.concat([geometry.flips, [False]], axis=0)
    window = tf.raw_ops.Reverse(tensor=window, dims=dims)
    shift = tf.cast(low, tf.float32) * zoom - first
    flipped = size - shift - tf.cast(high - low, tf.float32) * zoom
    return tf.raw_ops.ScaleAndTranslate(
        images=window[None],
        size=size,
        scale=zoom,
        translation=tf.where(geometry.flips, flipped, shift),
        kernel_type="triangle",
        antialias=True,
    )[0]


def _padded(image, moved, geometry):
    """Adds the mean color of the image to pixels beyond it, which are 0."""
    height, width, channels = moved.shape

    def pad():
        # By rows first: TensorFlow is slow along two axes before a small one.
        mean = tf.reduce_mean(tf.cast(image, tf.float32), axis=0)
        mean = tf.reduce_mean(mean, axis=0)
        rows, columns = (
            tf.cast(~_sources(axis, geometry, (height, width))[1], tf.float32)
            for axis in (0, 1)
        )
        # Rows beyond the image are filled, all others in columns beyond it. The matrix
        # product takes a tenth of the time of `tf.where` with broadcasting.
        whole_row = tf.tile(mean, [width])
        sides = tf.reshape(columns[:, None] * mean, [-1])
        fill = tf.stack([rows, 1 - rows], axis=1) @ tf.stack([whole_row, sides])
        return moved + tf.reshape(fill, (height, width, channels))

    return tf.cond(_lies_inside(geometry, (height, width)), lambda: moved, pad)


def _lies_inside(geometry, crop_size):
    """Tells whether an unrotated crop has no padding, as a bool tensor."""
    end = geometry.offset + tf.constant(crop_size)
    return tf.reduce_all((geometry.offset >= 0) & (end <= geometry.scaled))


def _upright_label(label, geometry, crop_size, ignore_class):
    """Samples the label of an unrotated crop; see `move_label`."""
    rows, row_inside = _sources(0, geometry, crop_size)
    columns, column_inside = _sources(1, geometry, crop_size)
    # Whole rows are gathered much faster than single pixels.
    swapped = [1, 0, *range(2, label.shape.rank)]
    moved = tf.gather(tf.transpose(tf.gather(label, rows), swapped), columns)
    moved = tf.cast(tf.transpose(moved, swapped), tf.int32)
    return tf.cond(
        _lies_inside(geometry, crop_size),
        lambda: moved,
        lambda: _filled(moved, row_inside[:, None] & column_inside, ignore_class),
    )


def _filled(label, inside, ignore_class):
    """Sets the pixels of a label, int32, that are not inside the image."""
    if label.shape.rank == 3:
        inside = inside[..., None]
    return tf.where(inside, label, ignore_class)


def _sources(axis, geometry, crop_size):
    """Returns the nearest image row or column for each one of an unrotated crop.

    Returns:
        Its index in the image, and whether it lies inside the image, a bool.
    """
    rows = np.arange(crop_size[axis], dtype="int64")
    target = tf.where(geometry.flips[axis], rows[::-1], rows)
    target += tf.cast(geometry.offset[axis], tf.int64)
    # In integers, since a rounded factor would shift pixels at borders.
    size = tf.cast(geometry.size[axis], tf.int64)
    scaled = tf.cast(geometry.scaled[axis], tf.int64)
    source = (2 * target + 1) * size // (2 * scaled)
    source = tf.clip_by_value(source, 0, size - 1)
    return source, (target >= 0) & (target < scaled)


def _turned_sources(geometry, crop_size):
    """Returns the row and column of the nearest image pixel for a rotated crop.

    Returns:
        int32 `(*crop_size, 2)`, and whether it lies inside the image, bool `crop_size`.
    """
    sides = [tf.range(side) + 0.5 - side / 2 for side in map(float, crop_size)]
    sides = [
        tf.where(geometry.flips[axis], -side, side) for axis, side in enumerate(sides)
    ]
    grid = tf.stack(tf.meshgrid(*sides, indexing="ij"), axis=-1)
    center = tf.cast(geometry.offset, tf.float32) + _halves(crop_size)
    turned = tf.linalg.matvec(_matrix(geometry.angle), grid) + center
    scaled = tf.cast(geometry.scaled, tf.float32)
    inside = tf.reduce_all((turned >= 0) & (turned < scaled), axis=-1)
    pixels = tf.cast(turned / geometry.zoom(), tf.int32)
    return tf.clip_by_value(pixels, 0, geometry.size - 1), inside


def _matrix(angle):
    """Returns the matrix from (row, column) of a crop to those of the scaled image."""
    cos, sin = tf.cos(angle), tf.sin(angle)
    return tf.stack([tf.stack([cos, sin]), tf.stack([-sin, cos])])


def _rotation(geometry, crop_size, window_size):
    """Returns TensorFlow's 8 numbers that map pixels of the crop into the window."""
    signs = tf.where(geometry.flips, -1.0, 1.0)
    matrix = _matrix(geometry.angle) * signs
    # Here, integers are the centers of pixels.
    start, end = 0.5 - _halves(crop_size), _halves(window_size) - 0.5
    shift = tf.linalg.matvec(matrix, start) + end
    # TensorFlow expects columns first.
    (rr, rc), (cr, cc) = (tf.unstack(row) for row in tf.unstack(matrix))
    return tf.stack([cc, cr, shift[1], rc, rr, shift[0], 0.0, 0.0])


def _halves(size):
    return tf.constant([side / 2 for side in size], tf.float32)


def _window_around(crop_size):
    """Returns the size of a window that holds the crop at any angle, and its margin."""
    diagonal = math.hypot(*crop_size)
    margin = [math.ceil((diagonal - side) / 2) + 1 for side in crop_size]
    return [side + 2 * m for side, m in zip(crop_size, margin, strict=True)], margin
