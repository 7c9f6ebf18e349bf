import copy
import math
import numbers
from collections.abc import Sequence

import tensorflow as tf

from keras_seg.data.geometry import (
    Geometry,
    move_image,
    move_label,
    move_rows,
    offset_around,
)
from keras_seg.data.recoloring import blur, color_matrix, recolor

_DRAWS = (
    *("scale", "row", "column", "left_right", "up_down", "angle"),
    *("brightness", "contrast", "saturation", "hue", "blur"),
)


class Augmentation:
    """Scales, crops, rotates, flips and recolors an image, with its label.

    The scale factor is log-uniform in `scale`, so that halving is as likely as
    doubling. The scaled image is cropped to `crop_size` at a random place. Along an
    axis where it is smaller than the crop, it is placed at random in the crop; the rest
    is padding, with `ignore_class` in the label and the mean color of the image in the
    image. The crop is rotated about its center by a uniform angle and flipped. Finally,
    brightness, contrast, saturation and hue of images with three channels change in one
    pass, and the image is blurred.

    Images are scaled bilinearly, with antialiasing when they shrink. Labels use the
    nearest pixel of the same half-pixel grid, so that classes never mix.

    The result depends only on the arguments and `seed`: equal seeds give equal results,
    in a graph, in parallel and on images of any size.

    Keras's preprocessing layers are not suitable here. `RandomZoom` fills images and
    segmentation masks with one common `fill_value`, zooms about the center alone and
    does not antialias. `RandomCrop` does not pad: it resizes an image that is smaller
    than the crop, and resizes the mask bilinearly, which creates wrong classes; it does
    not support dynamic shapes either.

    Args:
        crop_size: `(height, width)` of the results in pixels.
        scale: (smallest, largest) factor of height and width.
        flip: bool. Whether to flip left to right with a probability of 0.5.
        brightness: float in 0..1. The largest share of the full range that is added to
            or subtracted from all values.
        contrast: float in 0..1. The distance from each channel's mean is multiplied by
            a factor in `1 - contrast`..`1 + contrast`.
        saturation: float in 0..1. The distance of each pixel from its gray value is
            multiplied by a factor in `1 - saturation`..`1 + saturation`.
        hue: float in 0..0.5. The largest rotation of colors about the gray axis, as a
            share of a full circle.
        ignore_class: int. The label of padding. `None` means that of the data set in a
            pipeline, and 255 elsewhere.
        rotation: float in 0..180. The largest angle in degrees, in either direction.
        vertical_flip: bool. Whether to flip upside down with a probability of 0.5.
        blur: float, 0 or more. The largest standard deviation of a Gaussian blur, in
            pixels of the crop; the standard deviation is uniform from 0.
        resize: `(height, width)` to which each image is resized before `scale` applies;
            or an int for the shorter side, which keeps the aspect ratio; or `None` to
            apply `scale` to the size of the image itself.

    Call arguments:
        image: `(height, width, channels)` of any number type, in 0..255. Unless it has
            three channels, its values may have any range, and it is only resampled and
            blurred.
        label: `(height, width)`, integers; or `(height, width, classes)`, a mask for
            each of several independent classes.
        seed: integer tensor `(2,)`.
        positions: integers `(height,)`, the positions of the rows for HANet
            (`keras_seg.ops.row_positions`), or `None`.
        focus: integer tensor `()`, a class: the crop is placed around a random pixel of
            this class, which lands at a random place of the crop. With `None`, or a
            label that does not occur, such as -1, the crop is placed anywhere.

    Returns:
        The image, float32 `(*crop_size, channels)`, and the label, int32 `crop_size`
        or `(*crop_size, classes)`.
        With `positions` also the positions of the cropped rows, int32
        `(crop_size[0],)`; in a rotated crop, those of the middle of each row; 128 in
        padding.

    Raises:
        ValueError: If an argument is outside the range stated above.

    Example:
        ```python
        augment = Augmentation(crop_size=(64, 80), scale=(0.75, 1.5), rotation=10)
        image, label = np.zeros((50, 90, 3)), np.zeros((50, 90), "int32")
        image, label = augment(image, label, seed=(0, 1))
        ```
    """

    def __init__(
        self,
        crop_size: Sequence[int],
        scale: Sequence[float] = (0.5, 2.0),
        flip: bool = True,
        brightness: float = 0.2,
        contrast: float = 0.2,
        saturation: float = 0.2,
        hue: float = 0.02,
        ignore_class: int | None = None,
        rotation: float = 0.0,
        vertical_flip: bool = False,
        blur: float = 0.0,
        resize: int | Sequence[int] | None = None,
    ) -> None:
        _check_size("crop_size", crop_size)
        if not _is_pair(scale, numbers.Real) or not 0 < scale[0] <= scale[1]:
            raise ValueError(
                "`scale` must be (smallest, largest) with 0 < smallest <= largest. "
                f"Received: {scale=}"
            )
        amounts = {
            "brightness": (brightness, 1),
            "contrast": (contrast, 1),
            "saturation": (saturation, 1),
            "hue": (hue, 0.5),
            "rotation": (rotation, 180),
            "blur": (blur, math.inf),
        }
        for name, (amount, most) in amounts.items():
            if not isinstance(amount, numbers.Real) or not 0 <= amount <= most:
                raise ValueError(
                    f"`{name}` must be a number in 0..{most}. Received: {name}={amount}"
                )
        if ignore_class is not None and not isinstance(ignore_class, int):
            raise ValueError(
                f"`ignore_class` must be an integer or None. Received: {ignore_class=}"
            )
        if isinstance(resize, int) and not isinstance(resize, bool):
            if resize < 1:
                raise ValueError(f"`resize` must be positive. Received: {resize=}")
        elif resize is not None:
            _check_size("resize", resize)
        self.crop_size = tuple(crop_size)
        self.scale = tuple(scale)
        self.flip = bool(flip)
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.hue = hue
        self.ignore_class = ignore_class
        self.rotation = rotation
        self.vertical_flip = bool(vertical_flip)
        self.blur = blur
        self.resize = resize

    def padding_with(self, ignore_class):
        """Returns this augmentation with the ignored label of a data set as padding.

        Raises:
            ValueError: If the augmentation was created with another `ignore_class`.
        """
        if self.ignore_class not in (None, ignore_class):
            raise ValueError(
                "`ignore_class` of the augmentation must be that of the data set, "
                f"{ignore_class}. Received: {self.ignore_class}. Leave it out."
            )
        padding = copy.copy(self)
        padding.ignore_class = ignore_class
        return padding

    @tf.autograph.experimental.do_not_convert  # makes tracing much faster
    def __call__(self, image, label, seed, positions=None, focus=None):
        image, label = tf.convert_to_tensor(image), tf.convert_to_tensor(label)
        seed = tf.cast(seed, tf.int64)  # the dtype changes what is drawn
        draws = tf.unstack(tf.random.stateless_uniform((len(_DRAWS),), seed))
        draws = dict(zip(_DRAWS, draws, strict=True))
        geometry = self._draw_geometry(tf.shape(label)[:2], draws)
        if focus is not None:
            geometry = self._focused(geometry, label, focus, draws, seed)
        ignore_class = 255 if self.ignore_class is None else self.ignore_class
        image = move_image(image, geometry, self.crop_size)
        label = move_label(label, geometry, self.crop_size, ignore_class)
        if image.shape[-1] == 3:
            image = self._recolored(image, draws)
        if self.blur:
            image = blur(image, self.blur * draws["blur"], self.blur)
        if positions is None:
            return image, label
        return image, label, move_rows(positions, geometry, self.crop_size)

    def _draw_geometry(self, size, draws):
        low, high = map(math.log, self.scale)
        factor = tf.exp(low + (high - low) * draws["scale"])
        scaled = tf.round(self._resized(size) * factor)
        scaled = tf.maximum(tf.cast(scaled, tf.int32), 1)
        spare = scaled - self.crop_size
        # Draws one of the |spare| + 1 places of the crop in the image, or of the image
        # in the crop, with equal probability.
        share = tf.stack([draws["row"], draws["column"]])
        place = tf.cast(share * tf.cast(tf.abs(spare) + 1, tf.float32), tf.int32)
        place = tf.minimum(place, tf.abs(spare))
        chances = [0.5 if on else 0.0 for on in (self.vertical_flip, self.flip)]
        flips = tf.stack([draws["up_down"], draws["left_right"]]) < chances
        angle = None
        if self.rotation:
            angle = math.radians(self.rotation) * (2 * draws["angle"] - 1)
        return Geometry(size, scaled, tf.sign(spare) * place, flips, angle)

    def _resized(self, size):
        """Returns the height and width to which `scale` applies, float32 `(2,)`."""
        size = tf.cast(size, tf.float32)
        if self.resize is None:
            return size
        if isinstance(self.resize, int):
            return size * (self.resize / tf.reduce_min(size))
        return tf.constant(self.resize, tf.float32)

    def _focused(self, geometry, label, focus, draws, seed):
        """Returns the geometry of a crop around a random pixel of the class `focus`."""
        seed = tf.random.experimental.stateless_fold_in(seed, 1)
        if label.shape.rank == 3:
            mask = tf.gather(label, tf.maximum(focus, 0), axis=-1) == 1
        else:
            mask = label == tf.cast(focus, label.dtype)
        found, pixel = random_pixel(mask, seed)
        place = tf.stack([draws["row"], draws["column"]])
        offset = offset_around(pixel, place, geometry, self.crop_size)
        # In a uint8 label, -1 would match 255.
        found &= focus >= 0
        return geometry._replace(offset=tf.where(found, offset, geometry.offset))

    def _recolored(self, image, draws):
        if not (self.brightness or self.contrast or self.saturation or self.hue):
            return tf.clip_by_value(image, 0, 255)
        largest = [self.brightness, self.contrast, self.saturation, self.hue]
        names = "brightness", "contrast", "saturation", "hue"
        amounts = (2 * tf.stack([draws[name] for name in names]) - 1) * largest
        brightness, contrast, saturation, hue = tf.unstack(amounts)
        return recolor(
            image, color_matrix(1 + saturation, hue), 1 + contrast, 255 * brightness
        )


def random_pixel(mask, seed):
    """Draws one of the pixels at which a mask is True, with equal probability.

    Args:
        mask: bool tensor `(height, width)`.
        seed: integer tensor `(2,)`.

    Returns:
        A bool tensor `()` that tells whether there is such a pixel, and its row and
        column, int32 `(2,)`.
    """
    up_to_row = tf.cumsum(tf.math.count_nonzero(mask, axis=1, dtype=tf.int32))
    count = up_to_row[-1]
    rank = tf.random.stateless_uniform((), seed, 0, tf.maximum(count, 1), tf.int32)
    row = tf.minimum(
        tf.searchsorted(up_to_row, rank[None], "right")[0], tf.shape(mask)[0] - 1
    )
    # Finds the pixel of the drawn rank by the counts of its row.
    up_to_column = tf.cumsum(tf.cast(mask[row], tf.int32))
    rank_in_row = rank - (up_to_row[row] - up_to_column[-1])
    column = tf.searchsorted(up_to_column, rank_in_row[None], "right")[0]
    return count > 0, tf.stack([row, tf.minimum(column, tf.shape(mask)[1] - 1)])


def _is_pair(value, kind):
    return (
        isinstance(value, (tuple, list))
        and len(value) == 2
        and all(isinstance(item, kind) for item in value)
    )


def _check_size(name, size):
    if not _is_pair(size, int) or min(size) < 1:
        raise ValueError(
            f"`{name}` must be (height, width), two positive integers. "
            f"Received: {name}={size}"
        )
