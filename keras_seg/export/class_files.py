import tensorflow as tf

from keras_seg.data.palette import require_palette
from keras_seg.sequence_argument import require_sequence


def class_files(folder, num_classes, class_names, palette):
    """Writes class names and colors as assets of a SavedModel.

    Args:
        folder: `pathlib.Path` of a folder for the files until the model is saved.
        num_classes: int. Number of classes.
        class_names: list of str, or None. Written to `labels.txt`, one per line.
        palette: integers `(num_classes, 3)` in 0..255, or None. Written to
            `palette.txt`, with the red, green and blue of one class per line.

    Returns:
        List of `tf.saved_model.Asset`, which the saved object must refer to.

    Raises:
        ValueError: If names or colors do not match the number of classes.

    Example:
        `class_files(folder, 2, ["road", "car"], [[128, 64, 128], [0, 0, 142]])`
    """
    lines = {}
    if class_names is not None:
        lines["labels.txt"] = _labels(class_names, num_classes)
    if palette is not None:
        colors = _colors(palette, num_classes)
        lines["palette.txt"] = [" ".join(map(str, color)) for color in colors]
    for name, text in lines.items():
        (folder / name).write_text("\n".join(text) + "\n", encoding="utf-8")
    return [tf.saved_model.Asset(str(folder / name)) for name in lines]


def _labels(class_names, num_classes):
    content = f"{num_classes} single-line strings, one for each class of the model"
    names = [*require_sequence("class_names", class_names, content)]
    if len(names) != num_classes or not all(map(_is_line, names)):
        raise ValueError(f"`class_names` must be {content}. Received: {class_names!r}")
    return names


def _is_line(name):
    return isinstance(name, str) and len(f"{name} ".splitlines()) == 1


def _colors(palette, num_classes):
    colors = require_palette(palette)
    if len(colors) != num_classes:
        raise ValueError(
            f"`palette` must be one color for each of the {num_classes} classes of the "
            f"model. Received: {len(colors)} colors"
        )
    return colors.tolist()
