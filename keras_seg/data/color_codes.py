"""Translation of color-coded labels into classes."""

import numpy as np

_SHOWN = 5  # number of unknown colors that an error lists


def colors_of_classes(palette, class_names):
    """Returns `{(red, green, blue): class}` for a palette.

    Raises:
        ValueError: If two classes share a color.
    """
    classes = {}
    for index, color in enumerate(np.asarray(palette).tolist()):
        other = classes.setdefault(tuple(color), index)
        if other != index:
            raise ValueError(
                "Color-coded labels need a distinct color for each class. "
                f"{class_names[other]!r} and {class_names[index]!r} have "
                f"{tuple(color)}. Pass the class of each color as `label_colors`."
            )
    return classes


def check_label_colors(label_colors, palette, targets):
    """Returns `label_colors` of a data set, which are None, a bool or a dict.

    Args:
        label_colors: see `LabelledFiles`.
        palette: the colors of the classes, or None if there are none.
        targets: set of ints, the classes and the ignored one.

    Raises:
        ValueError: If they are something else, or True without a palette.
    """
    if label_colors is None or isinstance(label_colors, bool):
        if label_colors and palette is None:
            raise ValueError(
                "`label_colors=True` needs a `palette`, the colors of the classes. The "
                "command reads them from the file of classes: `road #804080`."
            )
        return label_colors
    if not isinstance(label_colors, dict) or not label_colors:
        raise ValueError(
            "`label_colors` must be None, a bool or a dict {(red, green, blue): class}."
            f" Received: {label_colors!r}"
        )
    for color, target in label_colors.items():
        is_color = isinstance(color, tuple) and len(color) == 3
        if not is_color or not all(value in range(256) for value in color):
            raise ValueError(
                "The keys of `label_colors` must be colors, (red, green, blue) in "
                f"0..255. Received: {color!r}"
            )
        if target not in targets:
            raise ValueError(
                "The values of `label_colors` must be classes or `ignore_class`. "
                f"Received: {color}: {target!r}"
            )
    return label_colors


def classes_of_colors(name, pixels, colors, unknown=None):
    """Returns the class of each pixel by its color.

    Args:
        name: str. The file name, for errors.
        pixels: uint8 array `(height, width, 3)`.
        colors: dict `{(red, green, blue): class}`.
        unknown: int, the class of other colors, or None to reject them.

    Returns:
        int32 array `(height, width)`.

    Raises:
        ValueError: If a color is unknown; the most frequent ones are listed.
    """
    # Python integers, since those of NumPy may have too few bits for a code.
    known = sorted((_code(*map(int, color)), value) for color, value in colors.items())
    codes, classes = (np.array(column, "int32") for column in zip(*known, strict=True))
    red, green, blue = np.moveaxis(pixels.astype("int32"), -1, 0)
    pixel_codes = _code(red, green, blue)
    places = np.searchsorted(codes, pixel_codes).clip(max=len(codes) - 1)
    is_known = codes[places] == pixel_codes
    found = classes[places]
    if is_known.all():
        return found
    if unknown is None:
        raise ValueError(_unknown_colors(name, pixel_codes[~is_known], pixels))
    return np.where(is_known, found, np.int32(unknown))


def _code(red, green, blue):
    return (red << 16) | (green << 8) | blue


def _unknown_colors(name, codes, pixels):
    values, counts = np.unique(codes, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_SHOWN]
    shown = ", ".join(
        f"({values[i] >> 16}, {values[i] >> 8 & 255}, {values[i] & 255}) in "
        f"{counts[i]} pixels"
        for i in order
    )
    more = f" and {len(values) - _SHOWN} other colors" if len(values) > _SHOWN else ""
    hint = (
        " All its pixels are gray: if their values are the classes, save one channel."
        if (pixels == pixels[..., :1]).all()
        else " Blurred edges and JPEG compression change the colors of a label."
        if len(values) > _SHOWN
        else ""
    )
    return (
        f"The label {name} holds colors that belong to no class: {shown}{more}. List "
        "them in `label_colors` (the command: give each class its color in the file of "
        "classes), or ignore them by `ignore_unknown_colors=True` "
        f"(--ignore-unknown-colors of the command).{hint}"
    )
