import numpy as np
from PIL import Image, ImageOps

_WIDE = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")


def read_image(path):
    """The pixels of an image file, as a person sees it.

    Turned as the camera noted it in the file (EXIF), which photographs from telephones
    need; grey becomes RGB, and transparency is dropped.

    Args:
        path: str or path of an image that Pillow reads: PNG, JPEG, WebP, TIFF, ...

    Returns:
        uint8 array `(height, width, 3)`, RGB.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no image, damaged, or has more than 8 bits a channel.

    Example: `predict(model, read_image("street.jpg"))`
    """
    try:
        with Image.open(path) as image:
            if image.mode in _WIDE:
                raise ValueError("it has more than 8 bits a channel")
            return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except (FileNotFoundError, IsADirectoryError):
        raise
    except Exception as error:  # Pillow's decoders raise errors of many kinds
        raise ValueError(f"Cannot read the image {path}: {error}") from error
