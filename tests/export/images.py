"""Files of images, good ones and bad ones."""

import io
import struct

import numpy as np
from PIL import Image


def photograph(height, width, seed=0):
    """uint8 `(height, width, 3)` with areas and a little noise."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (5, 7, 3), dtype="uint8"))
    image = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC), "int64")
    return np.clip(image + rng.integers(-4, 5, image.shape), 0, 255).astype("uint8")


def encode(image, format="PNG", mode=None, **options):
    """The bytes of a file, in another mode of Pillow where one is given."""
    image = Image.fromarray(image)
    file = io.BytesIO()
    (image if mode is None else image.convert(mode)).save(file, format, **options)
    return file.getvalue()


def pretended(format, height, width):
    """A small file whose header tells another size."""
    content = encode(photograph(8, 8), format)
    if format == "PNG":
        return content[:16] + struct.pack(">II", width, height) + content[24:]
    frame = content.index(b"\xff\xc0") + 5
    return content[:frame] + struct.pack(">HH", height, width) + content[frame + 4 :]


def bad_files():
    """Returns broken or hostile files by name, with words of the expected answer."""
    jpeg, png = (encode(photograph(40, 60), name) for name in ("JPEG", "PNG"))
    other_chunk = png[:12] + b"tEXt" + png[16:]
    return {
        "no bytes": (b"", "whole content of a JPEG or PNG"),
        "no image": (b"<html>not found</html>", "whole content of a JPEG or PNG"),
        "another format": (encode(photograph(9, 9), "GIF"), "JPEG or PNG"),
        "a header cut off": (png[:20], "JPEG or PNG"),
        "a header that is none": (other_chunk, "JPEG or PNG"),
        "a JPEG's first bytes": (jpeg[:10], "Invalid JPEG"),
        "a truncated JPEG": (jpeg[: len(jpeg) // 2], "Invalid JPEG"),
        "a truncated PNG": (png[: len(png) // 2], "Invalid PNG"),
        "a huge PNG": (pretended("PNG", 20000, 20000), "20000 20000"),
        "a huge JPEG": (pretended("JPEG", 20000, 20000), "20000 20000"),
        "a PNG larger than integers": (pretended("PNG", 2**31, 2**31), "pixels"),
        "a PNG of no rows": (pretended("PNG", 0, 8), "pixels"),
    }
