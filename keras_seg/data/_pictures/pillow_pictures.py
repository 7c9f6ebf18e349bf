"""Pictures read by Pillow, with the depth of the file instead of Pillow's mode."""

import contextlib
import dataclasses
import threading

import numpy as np
from PIL import Image, UnidentifiedImageError

from keras_seg.data._pictures.orientation import orientation, png_notes_orientation
from keras_seg.data._pictures.picture import Picture

# Formats of known depth. Pillow would cut 16 bits of PPM and JPEG 2000 to 8.
_FORMATS = ("PNG", "JPEG", "MPO", "BMP", "GIF", "WEBP")
_LOSSY = ("JPEG", "MPO", "WEBP")
_LOSSY_TIFF = ("jpeg", "tiff_jpeg", "webp")
_LOCK = threading.Lock()
_DEPTH, _COLOR_TYPE = 24, 25  # byte offsets in the header of a PNG
_GRAY, _PALETTE = 0, 3  # color types
_SAMPLES = {0: 1, 2: 3, 4: 2, 6: 4}  # samples per pixel of each color type
# Channels, bits, colors and alpha of each mode of Pillow.
_MODES = {
    "1": (1, 1, "gray", False),
    "L": (1, 8, "gray", False),
    "LA": (2, 8, "gray", True),
    "P": (1, 8, "palette", False),
    "RGB": (3, 8, "rgb", False),
    "RGBA": (4, 8, "rgb", True),
    "I;16": (1, 16, "gray", False),
    "I;16B": (1, 16, "gray", False),
    "I;16L": (1, 16, "gray", False),
    "I;16N": (1, 16, "gray", False),
    "F": (1, 32, "gray", False),
}
_CONVERTED = {"PA": "RGBA", "RGBa": "RGBA", "La": "LA"}
_CONVERTED |= dict.fromkeys(("RGBX", "CMYK", "YCbCr", "HSV"), "RGB")


@contextlib.contextmanager
def any_size():
    """Lifts Pillow's limit on pixels, which applies to the whole process."""
    with _LOCK:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def open_file(name, file, stack):
    """Returns the `Picture` of a PNG, JPEG, BMP, GIF or WebP file."""
    try:
        with any_size():
            image = stack.enter_context(Image.open(file))
    except UnidentifiedImageError as error:
        raise ValueError(_what_it_is(file)) from error
    if image.format not in _FORMATS:
        raise ValueError(
            "images must be PNG, JPEG, BMP, GIF, WebP, TIFF or .npy files. Received: "
            f"{image.format}"
        )
    # The further pictures of an MPO are previews or depth maps.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise ValueError("it is an animation. Save each frame as a separate file")
    if image.format != "PNG":
        picture = of_pixels(name, image)
        if image.format == "GIF":
            picture = _with_gray_values(picture)
        picture.orientation = orientation(image)
        return picture
    picture = _of_png(name, image, file)
    position = file.tell()
    if png_notes_orientation(file):
        picture.orientation = orientation(_reopened(file, stack))
    file.seek(position)
    return picture


def _what_it_is(file):
    """Describes a file that Pillow does not recognize."""
    file.seek(0)
    start = file.read(100)
    if not start:
        return "the file is empty"
    if start.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS. Download the files by `git lfs pull`"
    return f"it is not an image. It begins with {start[:16]!r}"


def _reopened(file, stack):
    """Opens the image again, since reading its metadata may decode it."""
    file.seek(0)
    with any_size():
        return stack.enter_context(Image.open(file))


def of_image(name, image):
    """Returns the `Picture` of a `PIL.Image.Image` in memory."""
    # Before a file is decoded, its tiles show whether Pillow would cut it to 8 bits.
    raw = [str(tile[3]) for tile in getattr(image, "tile", ())]
    if _mode(image) in ("L", "LA", "RGB", "RGBA") and any(";16" in x for x in raw):
        raise ValueError(
            "Pillow cuts its 16 bits to 8. Pass the path or the bytes of the file"
        )
    if image.format == "TIFF":
        image.load()  # turns it, and removes the orientation
    picture = of_pixels(name, image)
    picture.orientation = orientation(image)
    return picture


def of_pixels(name, image):
    """Returns the `Picture` of the pixels that Pillow decodes, without rotation."""
    mode = _mode(image)
    if mode == "I":
        low, high = image.getextrema()
        # Pillow before 11 uses this mode for 16 bits too.
        bits = 16 if low >= 0 and high < 2**16 else 32
        channels, colors, has_alpha = 1, "gray", False
    elif mode in _MODES:
        channels, bits, colors, has_alpha = _MODES[mode]
    else:
        raise ValueError(f"Pillow's mode {image.mode!r} is not supported")
    return Picture(
        name,
        image.height,
        image.width,
        channels,
        bits,
        colors,
        lambda: np.asarray(image if image.mode == mode else image.convert(mode)),
        has_alpha,
        palette=_palette(image) if mode == "P" else None,
        is_lossy=_is_lossy(image),
        kind="f" if mode == "F" else "u",
    )


def _is_lossy(image):
    if image.format == "TIFF":
        return image.info.get("compression") in _LOSSY_TIFF
    return image.format in _LOSSY


def _mode(image):
    return _CONVERTED.get(image.mode, image.mode)


def _palette(image):
    return np.array(image.getpalette("RGB"), "uint8").reshape(-1, 3)


def _with_gray_values(picture):
    """Returns the `Picture` of a GIF, with its gray values if all colors are gray.

    A GIF has no gray values but a palette, whose colors most programs renumber.
    """
    palette = picture.palette
    if palette is None or np.any(palette != palette[:, :1]):
        return picture
    return dataclasses.replace(
        picture,
        colors="gray",
        palette=None,
        decode=lambda: picture.colors_of(picture.decode())[..., 0],
    )


def _of_png(name, image, file):
    file_position = file.tell()
    file.seek(0)
    header = file.read(_COLOR_TYPE + 1)
    file.seek(file_position)
    depth, color_type = header[_DEPTH], header[_COLOR_TYPE]
    if color_type == _PALETTE:
        return of_pixels(name, image)
    channels = _SAMPLES[color_type]

    def decode():
        if depth == 16 and color_type != _GRAY:
            return _decode_16_bits(file)
        pixels = np.asarray(image)
        if depth in (2, 4):  # Pillow scales them to 0..255
            return pixels // (255 // (2**depth - 1))
        return pixels

    return Picture(
        name,
        image.height,
        image.width,
        channels,
        depth,
        "gray" if channels < 3 else "rgb",
        decode,
        has_alpha=channels in (2, 4),
    )


def _decode_16_bits(file):
    # Pillow has no mode for it. Imported lazily, since other images do not need it.
    import tensorflow as tf

    file.seek(0)
    with tf.device("CPU"):
        return tf.io.decode_png(file.read(), dtype=tf.uint16).numpy()
