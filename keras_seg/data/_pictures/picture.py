import dataclasses
import typing

import numpy as np

from keras_seg.data._pictures.orientation import turn
from keras_seg.data._pictures.reading_errors import reading_errors


@dataclasses.dataclass
class Picture:
    """An open picture: what its header says, and how its pixels are decoded.

    Args:
        name: str. The file, for errors.
        rows: int. Height as the pixels are stored.
        columns: int. Width as the pixels are stored.
        channels: int. Samples of a pixel, alpha among them.
        bits: int. Bits of a sample: 1 to 64.
        colors: str. What the samples are: "grey", "rgb", "palette" (indices) or
            "samples" (of unknown meaning, as in multispectral files).
        decode: function that returns the pixels as stored, `(rows, columns)` or
            `(rows, columns, channels)`.
        has_alpha: bool. Whether the last sample is the opacity.
        is_inverted: bool. Whether the stored 0 is white; `read` returns it as black.
        palette: uint8 array `(up to 256, 3)` of the colours of a palette, or None.
        orientation: int in 1..8, EXIF's note of how to turn the pixels.
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

    @property
    def is_turned(self):
        """Whether EXIF exchanges height and width."""
        return self.orientation > 4

    @property
    def size(self):
        """`(height, width)` of the upright picture."""
        size = self.rows, self.columns
        return size[::-1] if self.is_turned else size

    def read(self):
        """The pixels, upright, `(height, width, channels)`, with the stored values."""
        with reading_errors(self.name):
            pixels = np.asarray(self.decode())
            return turn(pixels.reshape(self.rows, self.columns, -1), self.orientation)
