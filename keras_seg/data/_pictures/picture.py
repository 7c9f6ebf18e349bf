import dataclasses
import typing

import numpy as np

from keras_seg.data._pictures.orientation import turn
from keras_seg.data._pictures.reading_errors import reading_errors


@dataclasses.dataclass
class Picture:
    """An open picture: the header and a function that decodes the pixels.

    Args:
        name: str. The file name, for errors.
        rows: int. Height of the pixels as stored.
        columns: int. Width of the pixels as stored.
        channels: int. Samples per pixel, including alpha.
        bits: int. Bits per sample, 1 to 64.
        colors: str. The meaning of the samples: "gray", "rgb", "palette" (indices) or
            "samples" (unknown, as in multispectral files).
        decode: function that returns the pixels as stored, `(rows, columns)` or
            `(rows, columns, channels)`.
        has_alpha: bool. Whether the last sample is the opacity.
        is_inverted: bool. Whether a stored 0 is white; `read` returns it as black.
        palette: uint8 array `(up to 256, 3)` of the colors of a palette, or None.
        orientation: int in 1..8, the EXIF orientation.
        is_lossy: bool. Whether the file's compression changes values, as JPEG's does.
        kind: str. The kind of the samples: "u" (not signed), "i" (signed) or "f".
    """

    name: str
    rows: int
    columns: int
    channels: int
    bits: int
    colors: str
    decode: typing.Callable
    has_alpha: bool = False
    is_inverted: bool = False
    palette: np.ndarray | None = None
    orientation: int = 1
    is_lossy: bool = False
    kind: str = "u"

    @property
    def is_turned(self):
        """Whether the EXIF orientation swaps height and width."""
        return self.orientation > 4

    @property
    def size(self):
        """`(height, width)` of the upright picture."""
        size = self.rows, self.columns
        return size[::-1] if self.is_turned else size

    def colors_of(self, indices):
        """Returns the colors of indices of the palette, with a last axis of RGB."""
        if indices.max() >= len(self.palette):
            raise ValueError(
                f"Pixels must have one of the {len(self.palette)} colors of the palette"
                f". Received: the index {indices.max()}, in {self.name}"
            )
        return self.palette[indices]

    def read(self):
        """Returns the upright pixels with their stored values.

        The array has the shape `(height, width, channels)`.
        """
        with reading_errors(self.name):
            pixels = np.asarray(self.decode())
            return turn(pixels.reshape(self.rows, self.columns, -1), self.orientation)
