import functools
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_seg.data._pictures import MAX_PIXELS, open_picture
from keras_seg.data.color_codes import (
    check_label_colors,
    classes_of_colors,
    colors_of_classes,
)
from keras_seg.data.dataset import SegmentationDataset
from keras_seg.data.encoded_files import is_plain_image, is_plain_label
from keras_seg.data.read_image import (
    check_image_header,
    check_value_range,
    image_values,
    is_float_image,
)
from keras_seg.data.read_label import (
    check_label_kind,
    check_lossless,
    label_values,
    rgb,
)
from keras_seg.data.shorten import shorten
from keras_seg.positive_integer import require_positive_integer
from keras_seg.storage.paths import read_bytes
from keras_seg.typing import ValueRange

_LEAST, _FILE_VALUES = -(2**15), 2**16  # label files have 16 bits, signed or unsigned


class LabelledFiles(SegmentationDataset):
    """Images and labels in given files; base class of the data sets on disk.

    Images are read by `keras_seg.data.read_image` from PNG, JPEG, BMP, GIF, WebP, TIFF
    or .npy files, and rotated according to their EXIF data. A label must have the size
    of the upright image, as annotation tools save it. An image without a label, as in a
    test split, gets a label that consists of `ignore_class` alone.

    Labels are PNG, TIFF, BMP, GIF or .npy files. By default, gray and palette files
    hold the classes as values, and RGB files hold the colors of `palette`.
    `label_colors` and `label_map` change this.

    Args:
        pairs: iterable of (path of an image, path of its label or None).
        class_names: sequence of str. The names of class 0, class 1 and so on.
        palette: uint8 array `(num_classes, 3)`, or `None` for `default_palette`.
        ignore_class: int up to 65535. The label of ignored pixels.
        label_map: dict `{value in the files: class or ignore_class}`, or `None` if the
            files hold the classes. Values that it does not list are errors, except for
            `ignore_class`, which always maps to itself.
        label_colors: The meaning of the colors in label files. `None`: RGB files have
            the colors of `palette`; palette files hold their indices as values.
            `True`: all files have the colors of `palette`. `False`: colors have no
            meaning, and only indices are read. A dict
            `{(red, green, blue): class or ignore_class}`: all files have these colors.
            An alpha channel is always dropped.
        ignore_unknown_colors: bool. Whether pixels of unlisted colors are ignored. If
            False, they raise an error that lists the colors.
        channels: int. The number of image channels; see `keras_seg.data.read_image`.
        value_range: pair, number or `None`. The values of black and white in images of
            more than 8 bits; see `keras_seg.data.read_image`.
        max_pixels: int. Larger files are rejected.

    Attributes:
        image_paths: list of paths, in the order of the indices.
        label_paths: list of paths or None.
        channels: int.
        image_dtype: "uint8", or "float32" if images have more than 8 bits.

    Raises:
        ValueError: At construction, if `ignore_class`, `label_map` or another argument
            is not as above. When reading, if `check_headers` fails, if a file is
            damaged, or if a label holds an unknown color or a value that is neither a
            class nor `ignore_class`.

    Example:
        `LabelledFiles([("a.jpg", "a.png")], ["road", "car"], label_map={7: 0})`
    """

    def __init__(
        self,
        pairs: Iterable[tuple[Any, Any]],
        class_names: Sequence[str],
        palette: ArrayLike | None = None,
        ignore_class: int = 255,
        label_map: Mapping[int, int] | None = None,
        label_colors: Mapping[tuple, int] | bool | None = None,
        ignore_unknown_colors: bool = False,
        channels: int = 3,
        value_range: ValueRange = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        super().__init__(class_names, palette, ignore_class)
        if ignore_class >= _FILE_VALUES:
            raise ValueError(
                f"`ignore_class` must be below {_FILE_VALUES}, since labels come from "
                f"files of up to 16 bits. Received: {ignore_class=}"
            )
        channels = require_positive_integer("channels", channels)
        self._classes, self._known = self._lookup_tables(label_map)
        self._label_colors = check_label_colors(
            label_colors, palette, {*range(self.num_classes), ignore_class}
        )
        self._unknown_color = ignore_class if ignore_unknown_colors else None
        self._has_own_colors = palette is not None
        self.channels = channels
        self._value_range = check_value_range(value_range)
        self._max_pixels = max_pixels
        if channels == 3 and not self._label_colors:
            values = slice(0, 256)
            self.label_table = np.where(
                self._known[values], self._classes[values].astype("int32"), -1
            )
        pairs = [*pairs]  # of a zip, for example
        self.image_paths = [image for image, _ in pairs]
        self.label_paths = [label for _, label in pairs]

    def __len__(self):
        return len(self.image_paths)

    def __getitem__(self, index):
        label = self.read_label(index)
        return self.read_image(index), label

    def read_image(self, index: int) -> np.ndarray:
        """Reads one image, without its label."""
        with self._open(self.image_paths[index]) as picture:
            pixels = picture.read()
        image = image_values(picture, pixels, self.channels, self._value_range)
        if image.dtype != self.image_dtype and self.image_dtype == "uint8":
            raise ValueError(
                "Either all images of a data set must have 8 bits, or none. Received: "
                f"{picture.name} of {picture.bits} bits, and the first one of 8. "
                "Convert one of them."
            )
        return image.astype(self.image_dtype, copy=False)

    def read_label(self, index: int) -> np.ndarray:
        """Reads the label of one image, without the image's pixels."""
        self.check_headers(index)
        path = self.label_paths[index]
        if path is None:
            with self._open(self.image_paths[index]) as picture:
                size = picture.size
            return np.full(size, self.ignore_class, self._classes.dtype)
        with self._open(path) as picture:
            pixels = picture.read()
        if self._has_colors(picture):
            classes = classes_of_colors(
                picture.name, rgb(picture, pixels), self._colors, self._unknown_color
            )
            return classes.astype(self._classes.dtype)
        values = label_values(picture, pixels)
        classes = self.classes_of_values(picture.name, values)
        if picture.palette is not None and self._label_colors is None:
            self._check_palette(picture, values)
        return classes

    def classes_of_values(self, name: str, values: np.ndarray) -> np.ndarray:
        """Translates the values of a label file, or raises an error that names it."""
        self._check_values(name, values)
        return self._classes[values]

    def read_encoded(self, index: int) -> tuple[bytes, bytes] | None:
        image_path, label_path = self.image_paths[index], self.label_paths[index]
        if self.label_table is None or label_path is None:
            return None
        files = read_bytes(image_path), read_bytes(label_path)
        kinds = is_plain_image, is_plain_label
        plain = (
            kind(data, self._max_pixels)
            for kind, data in zip(kinds, files, strict=True)
        )
        return files if all(plain) else None

    def check_headers(self, index: int) -> str:
        """Checks the kind and size of an image and its label, without reading pixels.

        Returns:
            "uint8" or "float32", the dtype of the image when it is read.

        Raises:
            ValueError: If a file is unreadable or of the wrong kind, if the image and
                its label differ in size, or if the image has another number of channels
                or needs a `value_range`.
        """
        label_path = self.label_paths[index]
        if label_path is None:
            return self.check_image(index)
        check_lossless(label_path)
        with self._open(label_path) as label:
            check_label_kind(label)
        if self._has_colors(label):
            self._require_colors(label.name)
        return self.check_image(index, label)

    def _check_all_headers(self):
        """Checks the headers of all files, which tell the dtype of the images."""
        found = {self.check_headers(index) for index in range(len(self))}
        self.image_dtype = "float32" if "float32" in found else "uint8"

    def check_image(self, index: int, label: Any = None) -> str:
        """Returns the dtype of an image, whose size must be that of an open label."""
        with self._open(self.image_paths[index]) as image:
            dtype = "float32" if is_float_image(image) else "uint8"
        check_image_header(image, self.channels, self._value_range)
        if label is not None and image.size != label.size:
            raise ValueError(_different_sizes(image, label))
        return dtype

    @functools.cached_property
    def image_dtype(self):
        return self.check_headers(0) if len(self) else "uint8"

    def _open(self, path):
        return open_picture(path, self._max_pixels)

    def _has_colors(self, picture):
        """Returns whether the colors of a label hold the classes, not its values."""
        return bool(self._label_colors) or picture.colors == "rgb"

    @functools.cached_property
    def _colors(self):
        """Returns `{(red, green, blue): class}` for the colors in labels."""
        if isinstance(self._label_colors, dict):
            return self._label_colors
        return colors_of_classes(self.palette, self.class_names)

    def _require_colors(self, name):
        if self._label_colors is False:
            raise ValueError(
                "Labels must be gray or palette files whose values are classes. "
                f"Received: {name}, which holds colors."
            )
        if self._label_colors is None and not self._has_own_colors:
            raise ValueError(
                f"The label {name} holds colors whose classes are unknown. "
                "Pass the `palette` of the classes or `label_colors`, or write a "
                "color after each name in the text file of the classes. If its "
                "channels are equal and hold the classes, save it with one channel."
            )
        self._colors  # noqa: B018  # raises an error if classes share a color

    def _check_values(self, name, values):
        least, most = int(values.min()), int(values.max())
        if least >= _LEAST and most < _FILE_VALUES:
            known = self._known[values]  # negative values index from the end
            if known.all():
                return
            values = values[~known]
        unknown = np.unique(values).tolist()
        raise ValueError(
            f"The label {name} holds the values {shorten(unknown)}, which "
            f"are neither classes (0..{self.num_classes - 1}) nor the ignored "
            f"{self.ignore_class}. `label_map` translates values of files."
        )

    def _check_palette(self, picture, values):
        """Raises an error if the colors in a file's palette contradict its values."""
        if not self._has_own_colors:
            return
        used = np.unique(values)
        used = used[used < len(picture.palette)]
        classes = self._classes[used]
        used, classes = (
            used[classes < self.num_classes],
            classes[classes < self.num_classes],
        )
        by_color = {tuple(color): i for i, color in enumerate(self.palette.tolist())}
        colors = [tuple(color) for color in picture.palette[used].tolist()]
        others = [
            (value, color, by_color[color])
            for value, index, color in zip(used, classes, colors, strict=True)
            if color in by_color and tuple(self.palette[index].tolist()) != color
        ]
        if others and all(color in by_color for color in colors):
            value, color, index = others[0]
            raise ValueError(
                f"The label {picture.name} contradicts itself: its value {value} means "
                f"{self.class_names[self._classes[value]]!r}, and the color of this "
                f"value in its palette, {color}, means {self.class_names[index]!r}. "
                "`label_colors=True` uses the colors, `label_colors=False` the "
                "values (--label-colors of the command)."
            )

    def _lookup_tables(self, label_map):
        """Returns the class of each value in a file, and which values have a class."""
        classes = range(self.num_classes)
        if label_map is None:
            label_map = {value: value for value in classes}
        if not isinstance(label_map, Mapping):
            raise ValueError(
                "`label_map` must be a dict {value in the files: class}. "
                f"Received: {label_map!r}"
            )
        label_map = {self.ignore_class: self.ignore_class, **label_map}
        dtype = "uint8" if self.ignore_class < 256 else "int32"
        class_of_value = np.zeros(_FILE_VALUES - _LEAST, dtype)
        known = np.zeros(_FILE_VALUES - _LEAST, bool)
        for value, target in label_map.items():
            if not _is_integer(value) or value not in range(_LEAST, _FILE_VALUES):
                raise ValueError(
                    "The keys of `label_map` must be values of label files, in "
                    f"{_LEAST}..{_FILE_VALUES - 1}. Received the key {value!r}"
                )
            if not _is_integer(target) or (
                target not in classes and target != self.ignore_class
            ):
                raise ValueError(
                    f"`label_map` must map to the classes 0..{self.num_classes - 1} "
                    f"or to `ignore_class`, {self.ignore_class}. "
                    f"Received: {value}: {target!r}"
                )
            class_of_value[value] = target
            known[value] = True
        return class_of_value, known


def _is_integer(value):
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _different_sizes(image, label):
    image_size, label_size = ("{1}x{0}".format(*x.size) for x in (image, label))
    message = (
        "An image and its label must have the same size. Received: "
        f"{image.name} of {image_size} and {label.name} of {label_size} "
        "(width x height)."
    )
    if image.size == label.size[::-1] and image.is_turned != label.is_turned:
        turned = image if image.is_turned else label
        message += (
            f" The EXIF orientation of {turned.name}, {turned.orientation}, turns it "
            "by 90 degrees. Images are read as people see them, and a label must lie "
            "as its image does: turn the label, or remove the orientation."
        )
    return message
