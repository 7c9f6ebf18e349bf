import numpy as np


def visible(image):
    """Returns an image of any number of channels as RGB: its first three, or one.

    Args:
        image: array `(height, width, channels)` in 0..255.

    Returns:
        uint8 array `(height, width, 3)`.

    Example:
        `visible(np.zeros((4, 6, 12), "float32")).shape` is `(4, 6, 3)`.
    """
    image = np.asarray(image)
    channels = image[..., :3] if image.shape[-1] >= 3 else image[..., [0, 0, 0]]
    return np.clip(np.rint(channels), 0, 255).astype("uint8")
