from pathlib import Path

from PIL import Image, PngImagePlugin, UnidentifiedImageError

from keras_seg.data._pictures.pillow_pictures import any_size
from keras_seg.data.palette import default_palette
from keras_seg.storage.replacing import replacing

_MARK = ("Software", "keras-seg")  # text in each PNG, by which we know our labels


def write_label(path, label, num_classes):
    """Writes a label as a PNG whose values are the classes.

    With up to 256 classes, the PNG has the colors of `default_palette`; with more, it
    has 16 bits. A text chunk of the PNG names keras-seg as the software.

    Args:
        path: path of the file; its folder is created if it does not exist.
        label: integers `(height, width)` in 0..65535.
        num_classes: int.

    Example:
        `write_label(Path("labels/a.png"), np.zeros((4, 6), "uint8"), 2)`
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if label.max(initial=0) > 255:
        image = Image.fromarray(label.astype("uint16"))
    else:
        image = Image.fromarray(label.astype("uint8"))
        # Full length: with a shorter palette, Pillow saves fewer bits and cuts values.
        colors = default_palette(min(num_classes, 256)).tobytes()
        image.putpalette(colors.ljust(768, b"\0"))
    text = PngImagePlugin.PngInfo()
    text.add_text(*_MARK)
    with replacing(path) as unfinished:
        image.save(unfinished, pnginfo=text)


def check_label_paths(images):
    """Raises a `ValueError` if labels would replace pictures of another origin.

    Args:
        images: dict `{path of the label: path of its image, or None}`. Files that
            `write_label` has written may be replaced.
    """
    for path, image in images.items():
        is_image = image is not None and path.resolve() == image.resolve()
        if path.is_file() and (is_image or not _is_label(path)):
            raise ValueError(
                f"The label {path} would overwrite an image or a label that keras-seg "
                "has not written. Write labels to another folder (--output)"
            )


def check_ignore_class(ignore_class, num_classes):
    """Raises a `ValueError` if ignored pixels would have the label of a class."""
    if ignore_class < num_classes:
        raise ValueError(
            "`ignore_class` must be none of the classes, so that ignored pixels differ "
            f"from them. Pass {num_classes} or more. Received: {ignore_class=} and "
            f"{num_classes} classes"
        )


def _is_label(path: Path):
    try:
        with any_size(), Image.open(path) as picture:
            key, value = _MARK
            return picture.info.get(key) == value
    except UnidentifiedImageError:
        return False
