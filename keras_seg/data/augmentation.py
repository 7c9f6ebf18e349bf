import copy
import numbers

import tensorflow as tf

from keras_seg.ops.positions import PADDING


class Augmentation:
    """Scales, crops, flips and recolours an image, and its label along with it.

    The scale is log-uniform in `scale`, so that halving is as likely as doubling. The
    scaled image is cropped to `crop_size` at a random place; along an axis where it is
    smaller, it lands at a random place of the crop, and the rest is padding, which is
    `ignore_class` in the label and the image's mean colour in the image. It is flipped
    left to right half of the time. Last come brightness, contrast, saturation and hue,
    by `tf.image.stateless_random_*`.

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
        saturation: Float in 0..1. As `contrast`, for the saturation.
        hue: Float in 0..0.5. At most this share of the colour circle is turned.
        ignore_class: int or None. The label of padding; None for that of the data set
            in `training_pipeline`, and 255 elsewhere.

    Call arguments:
        image: `(height, width, 3)` of any number type, in 0..255.
        label: `(height, width)`, integers.
        seed: Integer tensor of shape `(2,)`.
        positions: Integers `(height,)`, the positions of the rows for HANet
            (`keras_seg.ops.row_positions`), or `None`.
        focus: Integer tensor `()`. A class: the crop then holds a random pixel of it
            at a random place. `None`, or a label that does not occur, such as -1: the
            crop lies anywhere.

    Returns:
        The image, float32 `(*crop_size, 3)` in 0..255, and the label, int32
        `crop_size`. With `positions` also these, int32 `(crop_size[0],)`: those of the
        rows that the label's rows came from, 128 in padding.

    Example:

    ```python
    augment = Augmentation(crop_size=(64, 80), scale=(0.75, 1.5))
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
    ):
        if not _is_pair(crop_size, int) or min(crop_size) < 1:
            raise ValueError(
                "`crop_size` must be (height, width), two positive ints. "
                f"Received: {crop_size=}"
            )
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
        }
        for name, (amount, most) in amounts.items():
            if not isinstance(amount, numbers.Real) or not 0 <= amount <= most:
                raise ValueError(
                    f"`{name}` must be a number in 0..{most}. Received: {name}={amount}"
                )
        if not isinstance(ignore_class, int | None):
            raise ValueError(
                f"`ignore_class` must be an int or None. Received: {ignore_class=}"
            )
        self.crop_size = tuple(crop_size)
        self.scale = tuple(scale)
        self.flip = bool(flip)
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.hue = hue
        self.ignore_class = ignore_class

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

    def __call__(self, image, label, seed, positions=None, focus=None):
        image = tf.cast(image, tf.float32)
        label = tf.cast(label, tf.int32)
        # Of one dtype, since it is not the value alone that decides on a draw.
        seeds = tf.unstack(tf.random.split(tf.cast(seed, tf.int64), 5))
        geometry = self._draw_geometry(tf.shape(label), seeds[0])
        if focus is not None:
            geometry["offset"] = self._offset_around(focus, label, geometry, seeds[0])
        mean = tf.reduce_mean(image, axis=(0, 1))
        image = self._move(image, geometry, fill=mean, bilinear=True)
        label = self._move(
            label[..., None],
            geometry,
            fill=255 if self.ignore_class is None else self.ignore_class,
            bilinear=False,
        )
        image, label = self._recolor(image, seeds[1:]), label[..., 0]
        if positions is None:
            return image, label
        return image, label, self._move_rows(positions, geometry)

    def _draw_geometry(self, shape, seed):
        """Draws where an image of `shape` goes.

        Returns:
            A dict: "scaled", its (height, width) after scaling; "offset", the row and
            column of the scaled image at which the crop begins, negative where there
            is padding first; "flip", whether the crop is turned over.
        """
        seeds = tf.unstack(tf.random.split(seed, 3))
        low, high = tf.unstack(tf.math.log(tf.constant(self.scale, tf.float32)))
        factor = tf.exp(tf.random.stateless_uniform((), seeds[0], low, high))
        scaled = tf.round(tf.cast(shape, tf.float32) * factor)
        scaled = tf.maximum(tf.cast(scaled, tf.int32), 1)
        spare = scaled - self.crop_size
        share = tf.random.stateless_uniform((2,), seeds[1])
        # One of the |spare| + 1 places of the crop in the image, or of the image in
        # the crop, all equally likely.
        places = tf.cast(tf.abs(spare) + 1, tf.float32)
        place = tf.minimum(tf.cast(share * places, tf.int32), tf.abs(spare))
        flip = self.flip and tf.random.stateless_uniform((), seeds[2]) < 0.5
        return {"scaled": scaled, "offset": tf.sign(spare) * place, "flip": flip}

    def _offset_around(self, focus, label, geometry, seed):
        """Draws the offset of a crop that holds a random pixel of the class `focus`."""
        scaled, offset = geometry["scaled"], geometry["offset"]
        seeds = tf.unstack(tf.random.split(seed, 5)[3:])
        found, pixel = random_pixel(label == tf.cast(focus, label.dtype), seeds[0])
        center = (tf.cast(pixel, tf.float32) + 0.5) * tf.cast(
            scaled / tf.shape(label), tf.float32
        )
        share = tf.random.stateless_uniform((2,), seeds[1])
        around = tf.cast(tf.floor(center), tf.int32) - tf.cast(
            share * self.crop_size, tf.int32
        )
        spare = scaled - self.crop_size
        around = tf.clip_by_value(around, 0, tf.maximum(spare, 0))
        # Along an axis where the image fits into the crop, all of it is there anyway.
        return tf.where(found & (spare > 0), around, offset)

    def _move(self, plane, geometry, fill, bilinear):
        """Takes a plane through a drawn geometry.

        Args:
            plane: `(height, width, channels)`, float32 if `bilinear`.
            geometry: Of `_draw_geometry` for a plane of this height and width.
            fill: The value of padding, one or one for each channel.
            bilinear: Whether to interpolate, or to take the nearest pixel.

        Returns:
            A tensor `(*crop_size, channels)` of the plane's dtype.
        """
        size, scaled = tf.shape(plane)[:2], geometry["scaled"]
        rows, row_inside = self._sources(0, size[0], geometry)
        columns, column_inside = self._sources(1, size[1], geometry)
        if bilinear:
            # What tf.image.resize does to the whole image, done to the crop alone,
            # which takes a fraction of the time.
            moved = tf.raw_ops.ScaleAndTranslate(
                images=plane[None],
                size=self.crop_size,
                scale=tf.cast(scaled / size, tf.float32),
                translation=tf.cast(-geometry["offset"], tf.float32),
                kernel_type="triangle",
                antialias=True,
            )[0]
        else:
            moved = tf.gather(tf.gather(plane, rows), columns, axis=1)
        covered = (row_inside[:, None] & column_inside)[..., None]
        moved = tf.where(covered, moved, tf.cast(fill, moved.dtype))
        if self.flip:
            moved = tf.cond(geometry["flip"], lambda: moved[:, ::-1], lambda: moved)
        return tf.ensure_shape(moved, (*self.crop_size, plane.shape[-1]))

    def _move_rows(self, positions, geometry):
        """Takes the positions of the rows where the rows of the label go."""
        positions = tf.cast(positions, tf.int32)
        rows, inside = self._sources(0, tf.shape(positions)[0], geometry)
        moved = tf.where(inside, tf.gather(positions, rows), PADDING)
        return tf.ensure_shape(moved, self.crop_size[:1])

    def _sources(self, axis, size, geometry):
        """For each row or column of the crop the nearest one of the plane.

        Returns:
            Its index in 0..size - 1, and whether the plane reaches there at all.
        """
        scaled = geometry["scaled"][axis]
        target = tf.range(self.crop_size[axis]) + geometry["offset"][axis]
        center = (tf.cast(target, tf.float32) + 0.5) * tf.cast(
            size / scaled, tf.float32
        )
        source = tf.clip_by_value(tf.cast(center, tf.int32), 0, size - 1)
        return source, (target >= 0) & (target < scaled)

    def _recolor(self, image, seeds):
        image = image / 255
        if self.brightness:
            image = tf.image.stateless_random_brightness(
                image, self.brightness, seeds[0]
            )
        if self.contrast:
            image = tf.image.stateless_random_contrast(
                image, 1 - self.contrast, 1 + self.contrast, seeds[1]
            )
        image = tf.clip_by_value(image, 0, 1)  # as hue and saturation need it
        if self.saturation:
            image = tf.image.stateless_random_saturation(
                image, 1 - self.saturation, 1 + self.saturation, seeds[2]
            )
        if self.hue:
            image = tf.image.stateless_random_hue(image, self.hue, seeds[3])
        return tf.clip_by_value(image * 255, 0, 255)


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
