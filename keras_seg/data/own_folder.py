from keras_seg.data.class_file import CLASS_FILES, read_class_file
from keras_seg.data.image_folder import ImageFolder
from keras_seg.data.image_list import ImageList
from keras_seg.data.mask_folder import MaskFolder
from keras_seg.data.shorten import shorten
from keras_seg.storage.paths import as_path

_IMAGES = ("images", "image", "imgs", "img")
_LABELS = ("labels", "label", "masks", "mask", "annotations", "annots", "gt")


def own_folder(folder, split, independent_classes=False, **options):
    """Opens a split of a user's own images, in one of the usual folder layouts.

    Images of a split are in `split/images` or `images/split`, and labels beside them in
    folders called labels, masks, annotations or the like. Without folders of images,
    the file `split.txt` lists the images and labels. The classes are in one of
    `CLASS_FILES`.

    Args:
        folder: str or path.
        split: str, such as "train".
        independent_classes: bool. Whether labels are masks of independent classes.
        **options: Further arguments of `ImageFolder` or `MaskFolder`.

    Returns:
        `ImageFolder` or `ImageList`, or `MaskFolder` for independent classes.

    Raises:
        FileNotFoundError: If the class file or a folder is missing; the error lists
            what was found.
        ValueError: If several folders match. See also `ImageFolder`.
    """
    folder = as_path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}")
    classes = [folder / name for name in CLASS_FILES if (folder / name).is_file()]
    if not classes:
        raise FileNotFoundError(
            f"{folder} must hold the names of the classes, in a file called "
            f"{', '.join(CLASS_FILES[:-1])} or {CLASS_FILES[-1]}. {_found(folder)}"
        )
    names, palette = read_class_file(classes[0])
    if not independent_classes and options.pop("missing_masks", None):
        raise ValueError(
            "`missing_masks` is for masks of independent classes: pass "
            "independent_classes=True (--independent-classes)."
        )
    colors = [x for x in ("label_colors", "ignore_unknown_colors") if x in options]
    if independent_classes and colors:
        raise ValueError(
            f"`{colors[0]}` is not for masks of independent classes, which have no "
            f"colors. Received: {options[colors[0]]!r}"
        )
    list_file = folder / f"{split}.txt"
    has_images = any(path.is_dir() for path in _places(folder, split, _IMAGES))
    if list_file.is_file() and not has_images:
        if independent_classes:
            raise ValueError(
                f"Lists such as {list_file} are for labels of one class for each "
                f"pixel. Put the images in {split}/images and the masks of each class "
                f"in {split}/masks/CLASS."
            )
        for name in ("image_name", "label_name"):
            if name in options:
                raise ValueError(
                    f"`{name}` is for folders of images, but {list_file} lists the "
                    f"files. Received: {options[name]!r}"
                )
        return ImageList(list_file, names, palette=palette, **options)
    images = _find(folder, split, "images", _IMAGES)
    labels = _find(folder, split, "labels", _LABELS)
    if independent_classes:
        return MaskFolder(images, labels, names, palette, **options)
    try:
        return ImageFolder(images, labels, names, palette, **options)
    except ValueError as error:
        if not all((labels / name).is_dir() for name in names):
            raise
        raise ValueError(
            f"{error} {labels} holds a folder for each class: for masks of independent "
            "classes, pass independent_classes=True (--independent-classes)."
        ) from error


def _find(folder, split, kind, names):
    """Returns the only existing folder of a kind."""
    found = [path for path in _places(folder, split, names) if path.is_dir()]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(
            f"The {kind} of {split!r} could be in {' or '.join(map(str, found))}: keep "
            "only one of them."
        )
    raise FileNotFoundError(
        f"{folder} must hold the {kind} of {split!r} in {split}/{kind} or "
        f"{kind}/{split}; other names for {kind}: {', '.join(names[1:])}. Or "
        f"{split}.txt must list the files, an image and its label in each line. "
        f"{_found(folder)}"
    )


def _places(folder, split, names):
    """Returns the paths at which a folder of a kind may be."""
    return [
        path
        for name in names
        for path in (folder / split / name, folder / name / split)
    ]


def _found(folder):
    files = [path.name for path in folder.iterdir() if path.is_file()]
    folders = [
        f"{path.relative_to(folder).as_posix()}/"
        for pattern in ("*", "*/*")
        for path in folder.glob(pattern)
        if path.is_dir()
    ]
    return f"It holds {shorten(sorted(files + folders), 12) or 'nothing'}."
