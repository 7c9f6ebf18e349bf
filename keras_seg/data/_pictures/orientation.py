"""Image orientation that cameras store in EXIF."""

import struct

import numpy as np

_TAG = 0x0112
PNG_TEXTS = (b"Raw profile type", b"XML:com.adobe.xmp")


def orientation(image):
    """Returns the EXIF orientation of an image opened by Pillow, 1 (upright) to 8."""
    try:
        value = image.getexif().get(_TAG, 1)
    except (LookupError, SyntaxError, TypeError, ValueError, struct.error):
        return 1  # with damaged EXIF data, viewers show the picture as stored
    return value if value in range(1, 9) else 1


def png_notes_orientation(file):
    """Returns whether a PNG may store an orientation, by the names of its chunks.

    Pillow decodes all pixels to find metadata behind them, which is too slow for
    reading headers.
    """
    file.seek(8)
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"eXIf":
            return True
        if kind in (b"tEXt", b"zTXt", b"iTXt"):
            if file.read(min(length, 20)).startswith(PNG_TEXTS):
                return True
            length -= min(length, 20)
        if kind == b"IEND":
            return False
        file.seek(length + 4, 1)
    return False


def turn(pixels, orientation):
    """Rotates pixels `(rows, columns, ...)` upright, by their EXIF orientation."""
    if orientation > 4:
        pixels = np.swapaxes(pixels, 0, 1)
    # The remaining flips: upside down, and left to right.
    rows = orientation in (3, 4, 7, 8)
    columns = orientation in (2, 3, 6, 7)
    return pixels[:: -1 if rows else 1, :: -1 if columns else 1]
