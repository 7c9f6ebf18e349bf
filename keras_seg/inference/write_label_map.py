import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from keras_seg.data.palette import require_palette
from keras_seg.storage.replacing import replacing
from keras_seg.typing import PathLike

_LARGEST = 2**16


def write_label_map(
    path: PathLike, label_map: ArrayLike, palette: np.ndarray | None = None
) -> None:
    """Writes a class map as a PNG mask whose values are the classes.

    With a palette, image viewers show the colors of the classes, while the values are
    still the classes: `data.ImageFolder` reads the file as a label. Classes above 255
    need 16 bits per pixel; such files have no palette.

    Args:
        path: str or path of the file, which ends in .png.
        label_map: integer array `(height, width)` in 0..65535, as from `predict`.
        palette: integer array `(num_classes, 3)`, RGB in 0..255, or None for a
            grayscale file.

    Raises:
        ValueError: If the shape, dtype or values of `label_map` or of `palette` are not
            as above.
        OSError: If the file cannot be written; an older one is then unchanged.

    Example:
        `write_label_map("street.png", predict(model, "street.jpg"))`
    """
    label_map = np.asarray(label_map)
    if (
        label_map.ndim != 2
        or not label_map.size
        or not np.issubdtype(label_map.dtype, np.integer)
    ):
        raise ValueError(
            "`label_map` must be integers (height, width). Received: "
            f"{label_map.dtype} {label_map.shape}"
        )
    if label_map.min() < 0 or label_map.max() >= _LARGEST:
        raise ValueError(
            f"`label_map` must have values in 0..{_LARGEST - 1}. Received values in "
            f"{label_map.min()}..{label_map.max()}"
        )
    if palette is not None:
        palette = require_palette(palette)
    dtype = "uint8" if label_map.max() <= 255 else "uint16"
    image = Image.fromarray(label_map.astype(dtype))
    if dtype == "uint8" and palette is not None and len(palette) <= 256:
        # Padded to 256 colors: with fewer, Pillow saves fewer bits and cuts values.
        image.putpalette(palette.tobytes().ljust(768, b"\0"))
    with replacing(path) as unfinished:
        image.save(unfinished, format="PNG")
