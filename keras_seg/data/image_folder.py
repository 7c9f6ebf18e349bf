from pathlib import Path

from keras_seg.data._pictures import MAX_PIXELS
from keras_seg.data.find_files import IMAGE_SUFFIXES, LABEL_SUFFIXES, find_files
from keras_seg.data.labelled_files import LabelledFiles, shorten
from keras_seg.data.storage import as_path

_STEM = "{stem}"


class ImageFolder(LabelledFiles):
    """A folder of images and a folder of labels, paired by file name.

    An image and its label have the same path below their folders, but for the suffix:
    `images/bonn/0001.jpg` goes with `labels/bonn/0001.png`. `image_name` and
    `label_name` describe other names: with `label_name="{stem}_mask"` the label is
    `labels/bonn/0001_mask.png`. Both folders may be the same one.

    Files are read as in `LabelledFiles`: images of PNG, JPEG, BMP, GIF, WebP, TIFF and
    .npy; labels of PNG, TIFF, BMP, GIF and .npy, of values or of colours. All headers
    are read at construction, so that missing files and wrong sizes show before training
    begins; pixels are read by index.

    Args:
        image_dir: str or path. The folder of the images; sub-folders are included, and
            links are followed.
        label_dir: str or path. The folder of the labels.
        class_names: Sequence of str. The name of class 0, of class 1 and so on.
        palette: uint8 array `(num_classes, 3)`, or `None` for `default_palette`.
        ignore_class: int up to 65535. The label of pixels that belong to no class.
        label_map: dict `{value in the files: class or ignore_class}`, or `None` where
            the files hold the classes; see `LabelledFiles`.
        label_colors: What the colours in label files mean; see `LabelledFiles`.
        ignore_unknown_colors: bool; see `LabelledFiles`.
        channels: int. Of the images; see `keras_seg.data.read_image`.
        value_range: Pair, number or `None`. The values of black and of white in images
            of more than 8 bits; see `keras_seg.data.read_image`.
        max_pixels: int. Larger files are refused.
        image_name: str. The name of an image without its folder, in which `{stem}`
            stands for what image and label share. With a suffix, `"{stem}.jpg"`, other
            files are left alone.
        label_name: str. The same of a label, such as `"{stem}_mask"` or
            `"{stem}_gt.tif"`.

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
        label_colors=None,
        ignore_unknown_colors=False,
        channels=3,
        value_range=None,
        max_pixels=MAX_PIXELS,
        image_name=_STEM,
        label_name=_STEM,
    ):
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
    """The files of one kind in a folder, and what their names have in common."""

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
            raise ValueError(
                f"`{kind}_dir` must hold files that end in {', '.join(suffixes)}. "
                f"There are none in {str(folder)!r}"
            )

    @property
    def is_plain(self):
        return not self.start and not self.end

    def stem(self, path):
        """The stem of a file with the path below the folder, or None."""
        if path.suffix.lower() not in self.suffixes:
            return None
        name = path.stem
        fits = name.startswith(self.start) and name.endswith(self.end)
        if not fits or len(name) <= len(self.start) + len(self.end):
            return None
        stem = name[len(self.start) : len(name) - len(self.end)]
        return (path.relative_to(self.folder).parent / stem).as_posix()

    def by_stem(self, others):
        """`{stem: path}`, without the files of the other kind in the same folder."""
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
                    f"{path}. Keep one of them, or say which by a suffix in "
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
    """How `label_name` would have to be, where a label's name holds an image's."""
    for stem in sorted(image_files, key=len, reverse=True)[:100]:
        stem = Path(stem).name
        for path in labels.paths[:1000]:
            if stem in path.stem and stem != path.stem:
                name = path.stem.replace(stem, _STEM, 1)
                return f"Did you mean label_name={name!r}?"
    return ""
