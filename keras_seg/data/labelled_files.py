import numpy as np
from PIL import Image

from keras_seg.data.dataset import SegmentationDataset

_IMAGE_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")
_LABEL_MODES = ("1", "L", "P", "I;16", "I")  # Pillow before 11 reads 16 bits as "I"
_FILE_VALUES = 2**16  # a label PNG holds 8 or 16 bits a pixel
_PNG_BIT_DEPTH = 24  # the byte of the header that states it


class LabelledFiles(SegmentationDataset):
    """Images and label PNGs in given files: the base of the data sets on disk.

    Images are PNG, JPEG, BMP, WebP or TIFF of 8 bits; grey ones become RGB and
    transparency is dropped. Labels are PNGs whose values are the classes: grey of up to
    16 bits, or with a palette, whose indices count and whose colours do not. An image
    without a label, as in a test split, gets one of `ignore_class` alone.

    Args:
        pairs: Sequence of (path of an image, path of its label or None).
        class_names: Sequence of str. The name of class 0, of class 1 and so on.
        palette: uint8 array `(num_classes, 3)`, or `None` for `default_palette`.
        ignore_class: int up to 65535. The label of pixels that belong to no class.
        label_map: dict `{value in the files: class or ignore_class}`, or `None` where
            the files hold the classes. Values that it does not list are errors, but
            for `ignore_class`, which always stands for itself.

    Attributes:
        image_paths: list of paths, in the order of the indices.
        label_paths: list of paths or None.

    Raises:
        ValueError: At construction, if `ignore_class` or `label_map` is not as above.
            When reading, as `check_headers`, if a file is damaged, or if a label holds
            a value that is neither a class nor `ignore_class`.

    Example: `LabelledFiles([("a.jpg", "a.png")], ["road", "car"], label_map={7: 0})`
    """

    def __init__(
        self, pairs, class_names, palette=None, ignore_class=255, label_map=None
    ):
        super().__init__(class_names, palette, ignore_class)
        if ignore_class >= _FILE_VALUES:
            raise ValueError(
                f"`ignore_class` must be below {_FILE_VALUES}, since labels come from "
                f"PNGs of up to 16 bits. Received: {ignore_class=}"
            )
        self._classes, self._known = self._lookup_tables(label_map)
        self.image_paths = [image for image, _ in pairs]
        self.label_paths = [label for _, label in pairs]

    def __len__(self):
        return len(self.image_paths)

    def __getitem__(self, index):
        label = self.read_label(index)
        image_path = self.image_paths[index]
        with _open(image_path) as image:
            return np.array(_decode(image_path, image.convert, "RGB")), label

    def read_label(self, index):
        self.check_headers(index)
        image_path, label_path = self.image_paths[index], self.label_paths[index]
        if label_path is None:
            with _open(image_path) as image:
                shape = image.size[::-1]
            return np.full(shape, self.ignore_class, self._classes.dtype)
        with _open(label_path) as label:
            values = _decode(label_path, np.asarray, label)
        values = _stored_values(label_path, values)
        if not self._known[values].all():
            unknown = np.unique(values[~self._known[values]]).tolist()
            raise ValueError(
                f"The label {label_path} holds the values {shorten(unknown)}, which "
                f"are neither classes (0..{self.num_classes - 1}) nor the ignored "
                f"{self.ignore_class}. `label_map` translates values of files."
            )
        return self._classes[values]

    def check_headers(self, index):
        """Checks kind and size of an image and its label, without reading pixels.

        Raises:
            ValueError: If a file is unreadable or of the wrong kind, or if the two
                sizes differ.
        """
        image_path, label_path = self.image_paths[index], self.label_paths[index]
        with _open(image_path) as image:
            image_mode, image_size = image.mode, image.size
        if image_mode not in _IMAGE_MODES:
            raise ValueError(
                f"Images must have 8 bits a channel. Received: {image_path} of mode "
                f"{image_mode!r}. Convert it to 8-bit RGB."
            )
        if label_path is None:
            return
        with _open(label_path) as label:
            label_mode, label_size = label.mode, label.size
        if label_mode not in _LABEL_MODES:
            raise ValueError(
                "Labels must be grey or palette PNGs whose values are classes. "
                f"Received: {label_path} of mode {label_mode!r}. Translate its colours "
                "to classes first."
            )
        if image_size != label_size:
            image_size, label_size = (
                "{}x{}".format(*x) for x in (image_size, label_size)
            )
            raise ValueError(
                "An image and its label must have the same size. Received: "
                f"{image_path} of {image_size} and {label_path} of {label_size} "
                "(width x height)."
            )

    def _lookup_tables(self, label_map):
        """Returns the class of each value in a file, and which values have one."""
        classes = range(self.num_classes)
        if label_map is None:
            label_map = {value: value for value in classes}
        label_map = {self.ignore_class: self.ignore_class, **label_map}
        dtype = "uint8" if self.ignore_class < 256 else "int32"
        class_of_value = np.zeros(_FILE_VALUES, dtype)
        known = np.zeros(_FILE_VALUES, bool)
        for value, target in label_map.items():
            if value not in range(_FILE_VALUES):
                raise ValueError(
                    "The keys of `label_map` must be values of label files, in "
                    f"0..{_FILE_VALUES - 1}. Received the key {value!r}"
                )
            if target not in classes and target != self.ignore_class:
                raise ValueError(
                    f"`label_map` must lead to the classes 0..{self.num_classes - 1} "
                    f"or to `ignore_class`, {self.ignore_class}. "
                    f"Received: {value}: {target!r}"
                )
            class_of_value[value] = target
            known[value] = True
        return class_of_value, known


def shorten(items, limit=5):
    """The first of several items, and how many there are, as text for an error."""
    shown = ", ".join(str(item) for item in items[:limit])
    return shown if len(items) <= limit else f"{shown}, ... ({len(items)} in all)"


def _open(path):
    # Pillow reads the labels because TensorFlow's decode_png would turn the indices
    # of a palette PNG, which are the labels, into the colours of its palette.
    return _decode(path, Image.open, path)


def _decode(path, read, *args):
    try:
        return read(*args)
    except Exception as error:  # Pillow's decoders raise errors of many kinds
        raise ValueError(f"Cannot read {path}: {error}") from error


def _stored_values(path, values):
    """Returns a label's values as stored; Pillow stretches grey of 2 or 4 bits."""
    if values.dtype == bool:
        return values.astype("uint8")
    with open(path, "rb") as file:
        header = file.read(_PNG_BIT_DEPTH + 2)
    depth, is_palette = header[_PNG_BIT_DEPTH], header[_PNG_BIT_DEPTH + 1] == 3
    if depth in (2, 4) and not is_palette:
        return values // (255 // (2**depth - 1))
    return values
