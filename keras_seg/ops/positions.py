"""Positions of rows in their image, and their encoding as vectors."""

import numpy as np
from keras import ops

from keras_seg.typing import Tensor

# The position of padding; rows of an uncropped image have 0 to 127.
PADDING = 128


def row_positions(rows: Tensor, image_height: Tensor) -> Tensor:
    """Returns the positions of rows of an uncropped image, on a scale of 0 to 127.

    Computes `floor((128 * row + 120) / image_height)`. At 1024 rows, this is the
    released `row // 8`. At every height of at least 16, a whole image has the coarse
    positions 0 to 15 in order. Crops, windows and scaled images of any height therefore
    share one scale. The value 128 is reserved for padding.

    Args:
        rows: int, NumPy array or tensor of any shape with integers in 0 to
            `image_height - 1`.
        image_height: int or scalar integer tensor. The rows of the whole image.

    Returns:
        Integers of the shape of `rows`.

    Example:
        ```python
        window = np.arange(512, 1024)  # rows of a window in an image of 1024 rows
        row_positions(window, 1024)  # 64, 64, ..., 127
        ```

    References:
        the released `datasets/cityscapes.py` of [Choi et al.,
        2020](https://arxiv.org/abs/2003.05128), which supports only 1024 rows.
    """
    return (128 * rows + 120) // image_height


def coarse_positions(positions: Tensor, coarse_height: int) -> Tensor:
    """Samples the positions of rows at a few coarse rows.

    Coarse row `i` takes the position of row `floor(i * height / coarse_height)`, like
    nearest-neighbor resizing in PyTorch, and scales it to 0..`coarse_height`.

    Args:
        positions: integer tensor `(batch, height)` in 0 to 128, of any height.
        coarse_height: int.

    Returns:
        int32 tensor `(batch, coarse_height)` in 0 to `coarse_height`, where the last
        value stands for padding.

    Example:
        ```python
        positions = row_positions(np.arange(360)[None], 360)
        coarse_positions(positions, 16)  # [[0, 1, ..., 15]]
        ```
    """
    positions = ops.cast(positions, "int32")
    height = ops.shape(positions)[1]
    index = ops.arange(coarse_height, dtype="int32") * height // coarse_height
    return ops.take(positions, index, axis=1) * coarse_height // PADDING


def jitter_positions(positions, noise, coarse_height):
    """Moves coarse positions by rounded noise of at most two rows, within the image.

    Padding stays padding, and no row of the image becomes padding. (The release rounds
    down, which biases the noise towards lower positions, and lets the last row become
    padding.)

    Args:
        positions: int32 tensor in 0 to `coarse_height`.
        noise: float tensor of the same shape, in coarse rows.
        coarse_height: int.

    Returns:
        int32 tensor of the same shape.

    Example:
        `jitter_positions([0, 5, 15, 16], [1.6, -9.0, 0.8, 3.0], 16)` is
        `[2, 3, 15, 16]`.
    """
    positions = ops.cast(positions, "int32")
    steps = ops.cast(ops.clip(ops.round(noise), -2, 2), "int32")
    moved = ops.clip(positions + steps, 0, coarse_height - 1)
    return ops.where(positions < coarse_height, moved, positions)


def sinusoidal_table(
    num_positions: int, channels: int, base: float, offset: float = 0.0
) -> np.ndarray:
    """Returns a table with a sine or cosine for each position and channel.

    `table[p, 2i] = sin(p / base^(2i / channels)) + offset`; channel `2i + 1` has the
    cosine of the same angle.

    Args:
        num_positions: int.
        channels: int.
        base: float. The wavelengths range from 2 pi to 2 pi times `base`.
        offset: float. Added to all values.

    Returns:
        NumPy array, float32 `(num_positions, channels)`.

    Example:
        `sinusoidal_table(17, 16, base=100).shape` is `(17, 16)`.

    References:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3.5.
    """
    position = np.arange(num_positions)[:, None]
    channel = np.arange(channels)[None, :]
    angle = position / base ** (channel // 2 * 2 / channels)
    table = np.where(channel % 2, np.cos(angle), np.sin(angle)).astype("float32")
    return table + np.float32(offset)  # added in float32 to match the release exactly
