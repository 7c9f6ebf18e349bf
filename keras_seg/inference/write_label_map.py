import numpy as np
from PIL import Image

_LARGEST = 2**16


def write_label_map(path, label_map, palette=None):
    """Writes a label map as a PNG whose values are the classes.

    With a palette the file shows the colours of the classes, and its values stay the
    classes: `data.ImageFolder` reads it as a label. More than 256 classes take 16 bits
    a pixel, without colours.

    Args:
        path: str or path of the file, which ends in .png.
        label_map: integers `(height, width)` in 0..65535, as `predict` gives.
        palette: uint8 array `(num_classes, 3)`, RGB, or None for a grey file.

    Raises:
        ValueError: If the label map has another shape, type or other values.
        OSError: If the file cannot be written.

    Example: `write_label_map("street.png", predict(model, "street.jpg"))`
    """
    label_map = np.asarray(label_map)
    if label_map.ndim != 2 or not np.issubdtype(label_map.dtype, np.integer):
        raise ValueError(
            "`label_map` must be integers (height, width). Received: "
            f"{label_map.dtype} {label_map.shape}"
        )
    if label_map.min() < 0 or label_map.max() >= _LARGEST:
        raise ValueError(
            f"`label_map` must have values in 0..{_LARGEST - 1}. Received values in "
            f"{label_map.min()}..{label_map.max()}"
        )
    if label_map.max() > 255:
        Image.fromarray(label_map.astype("uint16")).save(path, format="PNG")
        return
    image = Image.fromarray(label_map.astype("uint8"))
    if palette is not None and len(palette) <= 256:
        # All of it: for a shorter one Pillow saves fewer bits, and cuts values.
        image.putpalette(np.asarray(palette, "uint8").tobytes().ljust(768, b"\0"))
    image.save(path, format="PNG")
