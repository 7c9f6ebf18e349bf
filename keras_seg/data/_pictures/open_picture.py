import contextlib
import io
import os

from PIL import Image

from keras_seg.data._pictures import npy_pictures, pillow_pictures, tiff_pictures
from keras_seg.data._pictures.reading_errors import reading_errors
from keras_seg.positive_integer import require_positive_integer
from keras_seg.storage.paths import open_file

MAX_PIXELS = 178_956_970  # the limit of Pillow


@contextlib.contextmanager
def open_picture(source, max_pixels=MAX_PIXELS):
    """Opens a picture and reads its header; `read()` decodes its pixels.

    Args:
        source: str or path of a file; bytes, its content; or a `PIL.Image.Image`.
        max_pixels: int. The largest number of pixels that is accepted.

    Yields:
        `Picture`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ImportError: If the file needs a library that is not installed.
        TypeError: If `source` is none of these.
        ValueError: If the file is damaged, of another kind, or too large.
    """
    max_pixels = require_positive_integer("max_pixels", max_pixels)
    with contextlib.ExitStack() as stack:
        name = _name(source)
        with reading_errors(name):
            if isinstance(source, Image.Image):
                picture = pillow_pictures.of_image(name, source)
            elif isinstance(source, (bytes, bytearray, memoryview)):
                picture = _open(name, io.BytesIO(source), stack, max_pixels)
            else:
                file = stack.enter_context(open_file(source))
                picture = _open(name, file, stack, max_pixels)
            _check_size(picture, max_pixels)
        yield picture


def _open(name, file, stack, max_pixels):
    for kind in (npy_pictures, tiff_pictures):
        if file.read(8).startswith(kind.MAGIC):
            file.seek(0)
            return kind.open_file(name, file, stack)
        file.seek(0)
    return pillow_pictures.open_file(name, file, stack)


def _name(source):
    if isinstance(source, Image.Image):
        return str(getattr(source, "filename", "") or "the image")
    if isinstance(source, (bytes, bytearray, memoryview)):
        return f"the image of {len(source)} bytes"
    if isinstance(source, (str, os.PathLike)):
        return str(source)
    raise TypeError(
        "An image must be a path, the bytes of a file, a PIL.Image.Image or an array. "
        f"Received: {type(source).__name__}"
    )


def _check_size(picture, max_pixels):
    if not 0 < picture.rows * picture.columns <= max_pixels:
        raise ValueError(
            f"it has {picture.columns}x{picture.rows} pixels, and between 1 and "
            f"{max_pixels} are allowed. If you trust the file, pass a larger "
            "`max_pixels` (--max-pixels of the command)"
        )
