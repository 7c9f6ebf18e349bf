import copy
import math
import numbers

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
    """Scales, crops, flips, turns and recolours an image, and its label along with it.

    The scale is log-uniform in `scale`, so that halving is as likely as doubling. The
    scaled image is cropped to `crop_size` at a random place; along an axis where it is
    smaller, it lands at a random place of the crop, and the rest is padding, which is
    `ignore_class` in the label and the image's mean colour in the image. The crop is
    turned about its centre by a uniform angle and flipped. Last come brightness,
    contrast, saturation and hue of images with three channels, in one pass, and blur.

    Images are scaled bilinearly, with antialiasing where they shrink; labels take the
    nearest pixel of the same half-pixel grid and so never mix.

    Everything follows from `seed`: equal seeds give equal results, in a graph, in
    parallel and on images of any size.

    Keras's layers would not do. `RandomZoom` fills images and segmentation masks with
    one common `fill_value`, zooms about the centre alone and does not antialias.
    `RandomCrop` does not pad at all: it resizes an image smaller than the crop, and
    the mask with it bilinearly, which invents classes; and it refuses sizes that are
    unknown when a graph is traced.

    Args:
        crop_size: (height, width) of the results in pixels.
        scale: (smallest, largest) factor of height and width.
        flip: Whether to flip left to right half of the time.
        brightness: Float in 0..1. At most so much of the full range is added to or
            taken from all values.
        contrast: Float in 0..1. The distance from each channel's mean is multiplied by
            a factor in `1 - contrast`..`1 + contrast`.
        saturation: Float in 0..1. As `contrast`, for the distance of each pixel from
            its grey.
        hue: Float in 0..0.5. At most this share of a circle, colours are turned about
            the grey axis.
        ignore_class: int. The label of padding, or `None`: in a pipeline it is that of
            the data set, elsewhere 255.
        rotation: Float in 0..180. The largest angle in degrees, either way.
        vertical_flip: Whether to flip upside down half of the time.
        blur: Float, 0 or more. The largest standard deviation, in pixels of the crop,
            of a Gaussian blur; it is uniform from 0.
        resize: (height, width) to which each image is resized before `scale`
            multiplies it; or an int, to which its shorter side is, while the ratio of
            the sides stays; or `None`: `scale` multiplies the image's own size.

    Call arguments:
        image: `(height, width, channels)` of any number type, in 0..255. Where it has
            another number of channels than three, its values may have any range: they
            are resampled and blurred alone.
        label: `(height, width)`, integers.
        seed: Integer tensor of shape `(2,)`.
        positions: Integers `(height,)`, the positions of the rows for HANet
            (`keras_seg.ops.row_positions`), or `None`.
        focus: Integer tensor `()`. A class: the crop then lies around a random pixel of
            it, which lands at a random place. `None`, or a label that does not occur,
            such as -1: the crop lies anywhere.

    Returns:
        The image, float32 `(*crop_size, channels)`, and the label, int32 `crop_size`.
        With `positions` also these, int32 `(crop_size[0],)`: those of the rows that
        the label's rows came from, in a turned crop of the middle of each row; 128 in
        padding.

    Example:

    ```python
    augment = Augmentation(crop_size=(64, 80), scale=(0.75, 1.5), rotation=10)
    image, label = augment(np.zeros((50, 90, 3)), np.zeros((50, 90), "int32"), (0, 1))
    ```

    Raises:
        ValueError: If an argument is outside of what is stated above.
    """

    def __init__(
        self,
        crop_size,
        scale=(0.5, 2.0),
        flip=True,
        brightness=0.2,
        contrast=0.2,
        saturation=0.2,
        hue=0.02,
        ignore_class=None,
        rotation=0.0,
        vertical_flip=False,
        blur=0.0,
        resize=None,
    ):
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
        """Returns this augmentation, padding labels with what a data set ignores.

        Raises:
            ValueError: If it was made to pad with something else.
        """
        if self.ignore_class not in (None, ignore_class):
            raise ValueError(
                "`ignore_class` of the augmentation must be that of the data set, "
                f"{ignore_class}; leave it out. Received: {self.ignore_class}"
            )
        padding = copy.copy(self)
        padding.ignore_class = ignore_class
        return padding

    @tf.autograph.experimental.do_not_convert  # tracing is several times as fast
    def __call__(self, image, label, seed, positions=None, focus=None):
        image, label = tf.convert_to_tensor(image), tf.convert_to_tensor(label)
        seed = tf.cast(seed, tf.int64)  # its dtype counts in a draw
        draws = tf.unstack(tf.random.stateless_uniform((len(_DRAWS),), seed))
        draws = dict(zip(_DRAWS, draws, strict=True))
        geometry = self._draw_geometry(tf.shape(label), draws)
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
        # One of the |spare| + 1 places of the crop in the image, or of the image in
        # the crop, all equally likely.
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
        """The height and width that `scale` multiplies, float32 `(2,)`."""
        size = tf.cast(size, tf.float32)
        if self.resize is None:
            return size
        if isinstance(self.resize, int):
            return size * (self.resize / tf.reduce_min(size))
        return tf.constant(self.resize, tf.float32)

    def _focused(self, geometry, label, focus, draws, seed):
        """The geometry whose crop lies around a pixel of the class `focus`."""
        seed = tf.random.experimental.stateless_fold_in(seed, 1)
        found, pixel = random_pixel(label == tf.cast(focus, label.dtype), seed)
        place = tf.stack([draws["row"], draws["column"]])
        offset = offset_around(pixel, place, geometry, self.crop_size)
        # -1 as a label of uint8 would be 255.
        found &= focus >= 0
        return geometry._replace(offset=tf.where(found, offset, geometry.offset))

    def _recolored(self, image, draws):
        if not (self.brightness or self.contrast or self.saturation or self.hue):
            return tf.clip_by_value(image, 0, 255)
        matrix = color_matrix(
            1 + self.saturation * (2 * draws["saturation"] - 1),
            self.hue * (2 * draws["hue"] - 1),
        )
        contrast = 1 + self.contrast * (2 * draws["contrast"] - 1)
        brightness = 255 * self.brightness * (2 * draws["brightness"] - 1)
        return recolor(image, matrix, tf.stack([contrast, brightness]))


def random_pixel(mask, seed):
    """Draws one of the pixels where a mask holds, all equally likely.

    Args:
        mask: bool tensor `(height, width)`.
        seed: Integer tensor of shape `(2,)`.

    Returns:
        Whether there is one, bool `()`, and its row and column, int32 `(2,)`.
    """
    up_to_row = tf.cumsum(tf.math.count_nonzero(mask, axis=1, dtype=tf.int32))
    count = up_to_row[-1]
    rank = tf.random.stateless_uniform((), seed, 0, tf.maximum(count, 1), tf.int32)
    row = tf.minimum(
        tf.searchsorted(up_to_row, rank[None], "right")[0], tf.shape(mask)[0] - 1
    )
    # The pixel is the last of its row that as many precede as its rank asks for.
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
