import numpy as np
import tensorflow as tf


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
    names = list(class_names)
    fit = len(names) == num_classes and not isinstance(class_names, str)
    if not fit or not all(isinstance(n, str) and "\n" not in n for n in names):
        raise ValueError(
            f"`class_names` must be {num_classes} single-line strings, one for each "
            f"class of the model. Received: {class_names!r}"
        )
    return names


def _colors(palette, num_classes):
    colors = np.asarray(palette)
    if colors.shape != (num_classes, 3) or not (
        np.issubdtype(colors.dtype, np.integer)
        and colors.min() >= 0
        and colors.max() <= 255
    ):
        raise ValueError(
            f"`palette` must be integers in 0..255 of shape ({num_classes}, 3), one "
            "color for each class of the model. Received: "
            f"{colors.dtype} {colors.shape}"
        )
    return colors.tolist()
