from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_seg.data._pictures import MAX_PIXELS, open_picture
from keras_seg.data.color_codes import classes_of_colors

_LOSSY = (".jpg", ".jpeg", ".jfif", ".webp")
LOSSLESS = (
    "A label must be a PNG, TIFF, BMP, GIF or .npy file, because JPEG and WebP change "
    "its values. Received: {}"
)


def read_label(
    source: Any,
    colors: Mapping[tuple, int] | None = None,
    unknown: int | None = None,
    max_pixels: int = MAX_PIXELS,
) -> np.ndarray:
    """Reads the values of a label file, upright.

    Gray files of any depth and arrays hold the values themselves; palette files hold
    their indices as values. Many programs renumber the indices of a GIF when they save
    it: read colored GIF files with `colors`. With `colors`, the values are read from
    the colors in all files. An alpha channel is always dropped.

    Args:
        source: str or path of a PNG, TIFF, BMP, GIF or .npy file; bytes, its content;
            or a `PIL.Image.Image`. TIFF files of more than 8 bits need the extra
            `tiff`.
        colors: dict `{(red, green, blue): value}`, or `None` if the files hold values.
        unknown: int. The value of colors that `colors` does not list; `None` rejects
            them.
        max_pixels: int. Larger labels are rejected before they are decoded.

    Returns:
        uint8 or int32 array `(height, width)`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ImportError: If a TIFF needs the extra `tiff`, which is not installed.
        ValueError: If the file is damaged, lossy (JPEG and WebP change values) or too
            large, has colors but no `colors` are given, or holds an unknown color.

    Example:
        ```python
        read_label("classes.png")
        read_label("colors.png", {(128, 64, 128): 0, (0, 0, 142): 1}, unknown=255)
        ```
    """
    check_lossless(source)
    with open_picture(source, max_pixels) as picture:
        check_label_kind(picture)
        pixels = picture.read()
    if colors is None:
        return label_values(picture, pixels)
    return classes_of_colors(picture.name, rgb(picture, pixels), colors, unknown)


def check_lossless(source):
    """Raises a `ValueError` for a label with the suffix of a lossy format."""
    if str(source).lower().endswith(_LOSSY):
        raise ValueError(LOSSLESS.format(source))


def check_label_kind(picture):
    """Raises a `ValueError` unless a label holds readable values or colors."""
    if picture.is_lossy:
        raise ValueError(LOSSLESS.format(f"{picture.name}, whose content is one"))
    if picture.is_inverted:
        raise ValueError(
            "The values of a label are ambiguous if 0 is white. Received: "
            f"{picture.name}. Save it as a TIFF whose 0 is black, or as a PNG."
        )
    if picture.colors == "samples" or (picture.bits > 8 and picture.channels > 1):
        raise ValueError(
            "A label must have one value or one color of 8 bits for each pixel. "
            f"Received: {picture.name} with {picture.channels} channels of "
            f"{picture.bits} bits"
        )


def label_values(picture, pixels):
    """Returns the values of a label without colors."""
    if picture.colors not in ("gray", "palette"):
        raise ValueError(
            f"The label {picture.name} holds colors whose classes are unknown. Pass "
            "`colors`."
        )
    return whole_numbers(picture.name, pixels[..., 0])


def whole_numbers(name, values):
    """Returns the values of a label as uint8, or int32 for more bits or signed ones."""
    if values.dtype.kind in "bu" and values.dtype.itemsize == 1:
        return values.astype("uint8")
    with np.errstate(invalid="ignore"):  # the comparison finds NaN
        whole = values.astype("int32")
    if not np.array_equal(whole, values):
        raise ValueError(
            "The values of a label must be 32-bit integers. Received: "
            f"{name} of {values.dtype}, in {values.min()}..{values.max()}"
        )
    return whole


def rgb(picture, pixels):
    """Returns the colors of a label, uint8 `(height, width, 3)`, without alpha."""
    if picture.bits > 8:
        raise ValueError(
            "The colors of a label must have 8 bits per channel. Received: "
            f"{picture.name} of {picture.bits} bits"
        )
    if picture.colors == "palette":
        return picture.colors_of(pixels[..., 0])
    if picture.colors == "gray":
        white = np.uint8(255 // (2**picture.bits - 1))
        return np.repeat(pixels[..., :1].astype("uint8") * white, 3, axis=-1)
    return pixels[..., :3]
