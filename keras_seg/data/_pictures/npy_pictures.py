"""Arrays written by `numpy.save`."""

import numpy as np

from keras_seg.data._pictures.picture import Picture

MAGIC = (b"\x93NUMPY",)


def open_file(name, file, stack):
    """Returns the `Picture` of a .npy file with or without a channel axis.

    The array has the shape `(height, width)` or `(height, width, channels)`.
    """
    version = np.lib.format.read_magic(file)
    read_header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = read_header(file)
    if len(shape) not in (2, 3) or dtype.kind not in "buif":
        raise ValueError(
            "it must hold numbers (height, width) or (height, width, channels). "
            f"Received: {dtype} {shape}"
        )
    channels = shape[2] if len(shape) == 3 else 1

    def decode():
        file.seek(0)
        return np.load(file, allow_pickle=False)

    return Picture(
        name,
        *shape[:2],
        channels,
        bits=1 if dtype.kind == "b" else 8 * dtype.itemsize,
        colors={1: "gray", 3: "rgb"}.get(channels, "samples"),
        decode=decode,
        kind="u" if dtype.kind == "b" else dtype.kind,
    )
