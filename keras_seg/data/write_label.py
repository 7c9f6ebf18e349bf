from PIL import Image

from keras_seg.data.palette import default_palette
from keras_seg.storage.replacing import replacing


def write_label(path, label, num_classes):
    """Writes a label as a PNG whose values are the classes.

    With up to 256 classes, the PNG has the colours of `default_palette`; with more, it
    has 16 bits.

    Args:
        path: path of the file; its folder is created if it does not exist.
        label: integers `(height, width)` in 0..65535.
        num_classes: int.

    Example:
        `write_label(Path("labels/a.png"), np.zeros((4, 6), "uint8"), 2)`
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if label.max(initial=0) > 255:
        image = Image.fromarray(label.astype("uint16"))
    else:
        image = Image.fromarray(label.astype("uint8"))
        # Full length: with a shorter palette, Pillow saves fewer bits and cuts values.
        colors = default_palette(min(num_classes, 256)).tobytes()
        image.putpalette(colors.ljust(768, b"\0"))
    with replacing(path) as unfinished:
        image.save(unfinished)
