import numpy as np


def image_of_range(name, image, dtype):
    """Returns an image in the dtype of its data set, after a check of its values.

    Args:
        name: str. The name of the image, with which an error begins.
        image: array `(height, width, channels)` of numbers.
        dtype: "uint8" or "float32".

    Raises:
        ValueError: If values of three channels are outside 0..255, which `Augmentation`
            requires of them.
    """
    if image.dtype != np.uint8 and image.shape[-1] == 3:
        low, high = image.min(), image.max()
        if not (low >= 0 and high <= 255):  # also for NaN
            raise ValueError(
                f"{name} must have values in 0..255. Received: {image.dtype} in "
                f"{low}..{high}"
            )
    return image.astype(dtype)
