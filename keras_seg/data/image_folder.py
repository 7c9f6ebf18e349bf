from pathlib import Path

from keras_seg.data.labelled_files import LabelledFiles, shorten

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")


class ImageFolder(LabelledFiles):
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
        images = _find_files("image_dir", image_dir, IMAGE_SUFFIXES)
        labels = _find_files("label_dir", label_dir, (".png",))
        _check_pairs(images, labels, image_dir, label_dir)
        pairs = [(images[name], labels[name]) for name in sorted(images)]
        super().__init__(pairs, class_names, palette, ignore_class, label_map)
        for index in range(len(self)):
            self.check_headers(index)


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
                f"{str(folder)!r}: {shorten(alone)}."
            )
    if problems:
        raise ValueError(" ".join(problems))
