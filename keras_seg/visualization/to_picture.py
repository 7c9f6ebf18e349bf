import numpy as np
from PIL import Image


def to_picture(image):
    """An image as a picture, or a ValueError.

    Args:
        image: `(height, width, 3)`, RGB in 0..255.

    Returns:
        `PIL.Image.Image`.
    """
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(
            "`image` must be one image (height, width, 3). Received the shape "
            f"{image.shape}"
        )
    return Image.fromarray(np.clip(np.round(image), 0, 255).astype("uint8"))
