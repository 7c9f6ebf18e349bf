import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

from numpy.typing import ArrayLike

from keras_seg.data._pictures import MAX_PIXELS
from keras_seg.data.find_files import IMAGE_SUFFIXES, LABEL_SUFFIXES, find_files
from keras_seg.data.labelled_files import LabelledFiles, shorten
from keras_seg.data.storage import as_path
from keras_seg.typing import PathLike, ValueRange

_STEM = "{stem}"


class ImageFolder(LabelledFiles):
    """A folder of images and a folder of labels, paired by file name.

    An image and its label have the same path below their folders, except for the
    suffix: `images/bonn/0001.jpg` belongs to `labels/bonn/0001.png`. `image_name` and
    `label_name` describe other naming schemes: with `label_name="{stem}_mask"` the
    label is `labels/bonn/0001_mask.png`. Images and labels may be in the same folder.

    Files are read as in `LabelledFiles`: images from PNG, JPEG, BMP, GIF, WebP, TIFF
    and .npy files; labels from PNG, TIFF, BMP, GIF and .npy files, as values or as
    colours. All headers are read at construction, so that missing files and wrong sizes
    are found before training begins; pixels are read by index.

    Args:
        image_dir: str or path. The folder of the images, including sub-folders and
            linked folders.
        label_dir: str or path. The folder of the labels.
        class_names: sequence of str. The names of class 0, class 1 and so on.
        palette: uint8 array `(num_classes, 3)`, or `None` for `default_palette`.
        ignore_class: int up to 65535. The label of ignored pixels.
        label_map: dict `{value in the files: class or ignore_class}`, or `None` if the
            files hold the classes; see `LabelledFiles`.
        label_colors: The meaning of the colours in label files; see `LabelledFiles`.
        ignore_unknown_colors: bool; see `LabelledFiles`.
        channels: int. The number of image channels; see `keras_seg.data.read_image`.
        value_range: pair, number or `None`. The values of black and white in images of
            more than 8 bits; see `keras_seg.data.read_image`.
        max_pixels: int. Larger files are rejected.
        image_name: str. The file name of an image, in which `{stem}` stands for the
            part that image and label share. With a suffix, as in `"{stem}.jpg"`, other
            files are skipped.
        label_name: str. The file name of a label in the same form, such as
            `"{stem}_mask"` or `"{stem}_gt.tif"`.

    Raises:
        FileNotFoundError: If a folder is missing.
        ValueError: At construction, if there are no images, if an image has no label or
            a label no image, if a file is unreadable or of the wrong kind, or if an
            image and its label differ in size. When reading, if a file is damaged or a
            label holds a value that is neither a class nor `ignore_class`.

    Example:
        ```python
        names, label_map = ["road", "car"], {7: 0, 26: 1}
        dataset = ImageFolder("images", "labels", names, label_map=label_map)
        image, label = dataset[0]  # uint8 (height, width, 3), uint8 (height, width)
        ```
    """

    def __init__(
        self,
        image_dir: PathLike,
        label_dir: PathLike,
        class_names: Sequence[str],
        palette: ArrayLike | None = None,
        ignore_class: int = 255,
        label_map: Mapping[int, int] | None = None,
        label_colors: Mapping[tuple, int] | bool | None = None,
        ignore_unknown_colors: bool = False,
        channels: int = 3,
        value_range: ValueRange = None,
        max_pixels: int = MAX_PIXELS,
        image_name: str = _STEM,
        label_name: str = _STEM,
    ) -> None:
        images = _FileNames("image", image_dir, image_name, IMAGE_SUFFIXES)
        labels = _FileNames("label", label_dir, label_name, LABEL_SUFFIXES)
        super().__init__(
            _pairs(images, labels),
            class_names,
            palette,
            ignore_class,
            label_map,
            label_colors,
            ignore_unknown_colors,
            channels,
            value_range,
            max_pixels,
        )
        found = {self.check_headers(index) for index in range(len(self))}
        self.image_dtype = "float32" if "float32" in found else "uint8"


class _FileNames:
    """The files of one kind in a folder, with the pattern of their names."""

    def __init__(self, kind, folder, name, suffixes):
        self.kind, self.folder, self.name = kind, as_path(folder), name
        if name.count(_STEM) != 1 or "/" in name:
            raise ValueError(
                f"`{kind}_name` must be a file name that holds {_STEM} once, such as "
                f"'{_STEM}_mask'. Received: {name!r}"
            )
        if not self.folder.is_dir():
            raise FileNotFoundError(
                f"`{kind}_dir` must be an existing folder. Received: {str(folder)!r}"
            )
        self.start, self.end = name.split(_STEM)
        if self.end.lower().endswith(suffixes):
            suffix = Path("x" + self.end).suffix
            self.end, suffixes = self.end[: -len(suffix)], (suffix.lower(),)
        self.suffixes = suffixes
        self.paths = find_files(self.folder, suffixes)
        if not self.paths:
            message = (
                f"`{kind}_dir` must hold files that end in {', '.join(suffixes)}. "
                f"There are none in {str(folder)!r}"
            )
            others = find_files(self.folder, IMAGE_SUFFIXES)
            if others:
                message += f", which holds {_shown(others, self.folder)}"
            if kind == "label" and others:
                message += ". JPEG and WebP change the values of a label"
            raise ValueError(message)

    @property
    def is_plain(self):
        return not self.start and not self.end

    def stem(self, path):
        """Returns the stem of a file with the path below the folder, or None."""
        if path.suffix.lower() not in self.suffixes:
            return None
        name = path.stem
        fits = name.startswith(self.start) and name.endswith(self.end)
        if not fits or len(name) <= len(self.start) + len(self.end):
            return None
        stem = name[len(self.start) : len(name) - len(self.end)]
        stem = (path.relative_to(self.folder).parent / stem).as_posix()
        # Archives from macOS spell accented letters as a letter and an accent.
        return unicodedata.normalize("NFC", stem)

    def by_stem(self, others):
        """Returns `{stem: path}` without the other kind's files in the same folder."""
        same = self.folder.resolve() == others.folder.resolve()
        files = {}
        for path in self.paths:
            stem = self.stem(path)
            if stem is None or (
                same
                and not others.is_plain
                and self.is_plain
                and others.stem(path) is not None
            ):
                continue
            if stem in files:
                raise ValueError(
                    f"`{self.kind}_dir` holds two files of one name: {files[stem]} and "
                    f"{path}. Keep one of them, or select one by a suffix in "
                    f"`{self.kind}_name`: '{self.name}{path.suffix}'."
                )
            files[stem] = path
        if not files:
            raise ValueError(
                f"No {self.kind} has a name like `{self.kind}_name`, {self.name!r}. "
                f"{str(self.folder)!r} holds {_shown(self.paths, self.folder)}."
            )
        return files


def _pairs(images, labels):
    image_files, label_files = images.by_stem(labels), labels.by_stem(images)
    problems = []
    for files, others, kind, other in (
        (image_files, label_files, "image", labels),
        (label_files, image_files, "label", images),
    ):
        alone = [str(files[stem]) for stem in files if stem not in others]
        if alone:
            problems.append(
                f"{len(alone)} {kind}(s) have no {other.kind} of the same name "
                f"({other.name}) in {str(other.folder)!r}: {shorten(alone)}."
            )
    if not problems:
        return [(image_files[stem], label_files[stem]) for stem in sorted(image_files)]
    if not image_files.keys() & label_files.keys():
        problems.append(
            f"The folders hold {_shown(images.paths, images.folder)}, and "
            f"{_shown(labels.paths, labels.folder)}."
        )
        problems.append(_suggestion(image_files, labels))
    raise ValueError(" ".join(problems).strip())


def _shown(paths, folder):
    return shorten([path.relative_to(folder).as_posix() for path in paths], 3)


def _suggestion(image_files, labels):
    """Suggests a `label_name` if the name of a label contains that of an image."""
    for stem in sorted(image_files, key=len, reverse=True)[:100]:
        stem = Path(stem).name
        for path in labels.paths[:1000]:
            if stem in path.stem and stem != path.stem:
                name = path.stem.replace(stem, _STEM, 1)
                return f"Did you mean label_name={name!r}?"
    return ""
