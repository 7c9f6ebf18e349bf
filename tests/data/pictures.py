"""Picture files of every depth, written by other means than those that read them."""

import struct
import zlib

import numpy as np

GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6  # color types of PNG


def write_png(path, values, depth, color_type=GRAY, exif=None):
    """Writes a PNG of any bit depth, which Pillow cannot; rows must fill bytes.

    Args:
        path: path of the file.
        values: integers `(height, width)` or `(height, width, samples)`.
        depth: int. 1, 2, 4, 8 or 16.
        color_type: int.
        exif: bytes of an eXIf chunk, which is put behind the pixels.
    """
    bits = np.unpackbits(np.asarray(values, ">u2")[..., None].view("uint8"), axis=-1)
    rows = np.packbits(bits[..., -depth:].reshape(len(values), -1), axis=-1)

    def chunk(kind, body):
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    height, width = np.shape(values)[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    body = b"".join(b"\0" + row.tobytes() for row in rows)
    colors = b""
    if color_type == PALETTE:
        colors = chunk(b"PLTE", bytes(77 * index % 256 for index in range(3 << depth)))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + colors
        + chunk(b"IDAT", zlib.compress(body))
        + (chunk(b"eXIf", exif) if exif else b"")
        + chunk(b"IEND", b"")
    )


def exif_bytes(orientation):
    """EXIF data, as in a PNG's eXIf chunk, with an orientation alone."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"MM\0*\0\0\0\x08" + struct.pack(">H", 1) + entry + b"\0\0\0\0"


def upright(pixels, orientation):
    """Applies EXIF's orientation. Its standard states where row 0 and column 0 of the
    stored pixels are seen."""
    return {
        1: lambda x: x,  # top, left
        2: np.fliplr,  # top, right
        3: lambda x: np.rot90(x, 2),  # bottom, right
        4: np.flipud,  # bottom, left
        5: lambda x: np.swapaxes(x, 0, 1),  # left, top
        6: lambda x: np.rot90(x, -1),  # right, top
        7: lambda x: np.rot90(np.swapaxes(x, 0, 1), 2),  # right, bottom
        8: np.rot90,  # left, bottom
    }[orientation](pixels)
