from pathlib import Path

import numpy as np
from PIL import Image

from keras_seg.data.dataset import SegmentationDataset

_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
_IMAGE_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")
_LABEL_MODES = ("1", "L", "P", "I;16", "I")  # Pillow before 11 reads 16 bits as "I"
_FILE_VALUES = 2**16  # a label PNG holds 8 or 16 bits a pixel
_PNG_BIT_DEPTH = 24  # the byte of the header that states it


class ImageFolder(SegmentationDataset):
    """A folder of images and a folder of label PNGs, paired by file name.

    An image and its label have the same path below their folders, but for the suffix:
    `images/bonn/0001.jpg` goes with `labels/bonn/0001.png`. Images are PNG, JPEG, BMP,
    WebP or TIFF of 8 bits; grey ones become RGB and transparency is dropped. Labels
    are PNGs whose values are the classes: grey of up to 16 bits, or with a palette,
    whose indices count and whose colours do not.

    All headers are read at construction, so that missing files and wrong sizes show
    before training begins; pixels are read by index.

    Args:
        image_dir: str or path. The folder of the images; sub-folders are included.
        label_dir: str or path. The folder of the labels.
        class_names: Sequence of str. The name of class 0, of class 1 and so on.
        palette: uint8 array `(num_classes, 3)`, or `None` for `default_palette`.
        ignore_class: int up to 65535. The label of pixels that belong to no class.
        label_map: dict `{value in the files: class or ignore_class}`, or `None` where
            the files hold the classes. Values that it does not list are errors, but
            for `ignore_class`, which always stands for itself.

    Raises:
        FileNotFoundError: If a folder is missing.
        ValueError: At construction, if there are no images, if an image has no label
            or a label no image, if a file is unreadable or of the wrong kind, or if
            the two sizes differ. When reading, if a file is damaged or a label holds
            a value that is neither a class nor `ignore_class`.

    Example:

    ```python
    dataset = ImageFolder("images", "labels", ["road", "car"], label_map={7: 0, 26: 1})
    image, label = dataset[0]  # uint8 (height, width, 3), uint8 (height, width)
    ```
    """

    def __init__(
        self,
        image_dir,
        label_dir,
        class_names,
        palette=None,
        ignore_class=255,
        label_map=None,
    ):
        super().__init__(class_names, palette, ignore_class)
        if ignore_class >= _FILE_VALUES:
            raise ValueError(
                f"`ignore_class` must be below {_FILE_VALUES}, since labels come from "
                f"PNGs of up to 16 bits. Received: {ignore_class=}"
            )
        self._classes, self._known = self._lookup_tables(label_map)
        images = _find_files("image_dir", image_dir, _IMAGE_SUFFIXES)
        labels = _find_files("label_dir", label_dir, (".png",))
        _check_pairs(images, labels, image_dir, label_dir)
        self._paths = [(images[name], labels[name]) for name in sorted(images)]
        for image_path, label_path in self._paths:
            _check_headers(image_path, label_path)

    def __len__(self):
        return len(self._paths)

    def __getitem__(self, index):
        image_path, label_path = self._paths[index]
        with _open(image_path) as image:
            pixels = _decode(image_path, image.convert, "RGB")
        with _open(label_path) as label:
            values = _decode(label_path, np.asarray, label)
        values = _stored_values(label_path, values)
        if not self._known[values].all():
            unknown = np.unique(values[~self._known[values]]).tolist()
            raise ValueError(
                f"The label {label_path} holds the values {_shorten(unknown)}, which "
                f"are neither classes (0..{self.num_classes - 1}) nor the ignored "
                f"{self.ignore_class}. `label_map` translates values of files."
            )
        return np.array(pixels), self._classes[values]

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


def _find_files(argument, folder, suffixes):
    """Returns `{path below the folder without suffix: path}`."""
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"`{argument}` must be an existing folder. Received: {str(folder)!r}"
        )
    files = {}
    for path in sorted(folder.rglob("*")):
        hidden = path.name.startswith(".")  # such as the "._" files of macOS archives
        if hidden or path.suffix.lower() not in suffixes:
            continue
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in files:
            raise ValueError(
                f"`{argument}` holds two files of one name: {files[name]} and {path}. "
                "Keep one of them."
            )
        files[name] = path
    if not files:
        raise ValueError(
            f"`{argument}` must hold files that end in {', '.join(suffixes)}. "
            f"There are none in {str(folder)!r}"
        )
    return files


def _check_pairs(images, labels, image_dir, label_dir):
    problems = []
    for files, others, kind, other_kind, folder in (
        (images, labels, "image", "label PNG", label_dir),
        (labels, images, "label", "image", image_dir),
    ):
        alone = [str(files[name]) for name in files if name not in others]
        if alone:
            problems.append(
                f"{len(alone)} {kind}(s) have no {other_kind} of the same name in "
                f"{str(folder)!r}: {_shorten(alone)}."
            )
    if problems:
        raise ValueError(" ".join(problems))


def _check_headers(image_path, label_path):
    with _open(image_path) as image, _open(label_path) as label:
        if image.mode not in _IMAGE_MODES:
            raise ValueError(
                f"Images must have 8 bits a channel. Received: {image_path} of mode "
                f"{image.mode!r}. Convert it to 8-bit RGB."
            )
        if label.mode not in _LABEL_MODES:
            raise ValueError(
                "Labels must be grey or palette PNGs whose values are classes. "
                f"Received: {label_path} of mode {label.mode!r}. Translate its colours "
                "to classes first."
            )
        if image.size != label.size:
            raise ValueError(
                "An image and its label must have the same size. Received: "
                f"{image_path} of {image.width}x{image.height} and "
                f"{label_path} of {label.width}x{label.height} (width x height)."
            )


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


def _shorten(items, limit=5):
    shown = ", ".join(str(item) for item in items[:limit])
    return shown if len(items) <= limit else f"{shown}, ... ({len(items)} in all)"
