"""Detection of files that TensorFlow decodes to the same pixels as this package."""

import re
import struct
import zlib

from PIL import Image

from keras_seg.data._pictures.orientation import PNG_TEXTS

_PNG = b"\x89PNG\r\n\x1a\n"
_GRAY, _RGB, _RGBA = 0, 2, 6  # PNG's color types
# Chunks that rotate or animate an image or make it transparent.
_SPECIAL_CHUNKS = {b"eXIf", b"acTL", b"tRNS"}
_TEXT_CHUNKS = {b"tEXt", b"zTXt", b"iTXt"}
_XMP_TURN = re.compile(rb'tiff:Orientation(?:="|>)[2-8]')
_ORIENTATION, _UPRIGHT = 0x0112, 1  # EXIF tag and value
_JPEG_FRAMES = {0xC0, 0xC1, 0xC2}  # baseline and progressive, Huffman coded


def is_plain_image(data, max_pixels):
    """Returns whether TensorFlow reads a JPEG or PNG in the same way as `read_image`.

    This holds for intact 8-bit files, gray or RGB, whose metadata do not rotate them.

    Args:
        data: bytes, the content of the file.
        max_pixels: int. A larger image is not plain.
    """
    if data.startswith(_PNG):
        return _is_plain_png(data, (_GRAY, _RGB, _RGBA), max_pixels)
    return data.startswith(b"\xff\xd8") and _is_plain_jpeg(data, max_pixels)


def is_plain_label(data, max_pixels):
    """Returns whether a file is an intact 8-bit gray PNG that holds label values."""
    return data.startswith(_PNG) and _is_plain_png(data, (_GRAY,), max_pixels)


def _is_plain_png(data, color_types, max_pixels):
    start = len(_PNG)
    while start + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, start)
        end = start + 8 + length
        if end + 4 > len(data) or kind in _SPECIAL_CHUNKS:
            return False
        if kind in _TEXT_CHUNKS and data.startswith(PNG_TEXTS, start + 8):
            return False  # they may hold an orientation
        checksum = struct.unpack_from(">I", data, end)[0]
        # Damaged files go to the Python reader, whose errors name the file.
        if zlib.crc32(memoryview(data)[start + 4 : end]) != checksum:
            return False
        if kind == b"IHDR":
            width, height, depth, color_type = struct.unpack_from(
                ">IIBB", data, start + 8
            )
            if depth != 8 or color_type not in color_types:
                return False
            if width * height > max_pixels:
                return False
        if kind == b"IEND":
            return True
        start = end + 4
    return False


def _is_plain_jpeg(data, max_pixels):
    start, frame = 2, False
    if not data.endswith(b"\xff\xd9"):  # truncated, or followed by other data
        return False
    while start + 4 <= len(data):
        marker, length = struct.unpack_from(">xBH", data, start)
        segment = data[start + 4 : start + 2 + length]
        if data[start] != 0xFF or len(segment) != length - 2:
            return False
        if marker == 0xDA:  # start of the pixels
            return frame
        if marker in _JPEG_FRAMES:
            bits, height, width, components = struct.unpack_from(">BHHB", segment)
            frame = bits == 8 and components in (1, 3) and height > 0
            if not frame or width * height > max_pixels:
                return False
        if marker == 0xE1 and segment.startswith(b"Exif\x00\x00"):
            if not _is_upright(segment):
                return False
        if marker == 0xE1 and _XMP_TURN.search(segment):
            return False
        start += 2 + length
    return False


def _is_upright(segment):
    exif = Image.Exif()
    try:
        exif.load(segment)
        return exif.get(_ORIENTATION, _UPRIGHT) == _UPRIGHT
    except (LookupError, SyntaxError, TypeError, ValueError, struct.error):
        return False  # damaged EXIF data, which the Python reader tolerates
