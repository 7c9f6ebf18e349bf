import numbers
import warnings
from typing import Any

import numpy as np

from keras_seg.data._pictures import MAX_PIXELS, open_picture
from keras_seg.positive_integer import require_positive_integer
from keras_seg.typing import ValueRange

_LUMA = 0.299, 0.587, 0.114  # ITU-R BT.601
_COMMON_DEPTHS = 10, 12, 14  # bits of sensors that are stored in 16-bit files
_PASS_RANGE = "Pass `value_range=(black, white)` (--value-range of the command)."


def read_image(
    source: Any,
    channels: int = 3,
    value_range: ValueRange = None,
    max_pixels: int = MAX_PIXELS,
) -> np.ndarray:
    """Reads an image upright, with values in 0..255.

    The image is rotated by the orientation that the camera stored in EXIF, as in
    photographs from phones. Data sets, `evaluate`, `predict` and `keras-seg` all read
    images with this function, so that the following rules hold everywhere:

    - Up to 8 bits: uint8, black is 0 and white is 255.
    - 16 bits: float32, `value / 257`, so that 65535 becomes 255 and no precision is
      lost. If only part of the 16 bits is used, as by a 12-bit sensor,
      `value_range=4095` maps 4095 to 255.
    - Floats, 32 bits and signed integers need a `value_range`, since a file does not
      state their range.

    Args:
        source: str or path of a PNG, JPEG, BMP, GIF, WebP, TIFF or .npy file; bytes,
            its content; a `PIL.Image.Image`; or an array `(height, width)` or
            `(height, width, channels)` with values in 0..255 unless `value_range` is
            given; True is white. TIFF files of more than 8 bits or with more channels
            than red, green, blue and alpha need the extra `tiff`.
        channels: int. The number of channels of the result. 3: gray is repeated. 1:
            colors become gray, `0.299 R + 0.587 G + 0.114 B`. In both cases an alpha
            channel is dropped. Any other number must equal that of the file.
        value_range: The values of black and white, a pair `(low, high)` or a number
            `high` for `(0, high)`; values outside are clipped. It is not needed for
            files of up to 8 bits, which keep their own range. `None`: as above.
        max_pixels: int. Larger images are rejected before they are decoded, because a
            small file can require much memory.

    Returns:
        uint8 or float32 array `(height, width, channels)`, RGB, in 0..255.

    Raises:
        FileNotFoundError: If the file does not exist.
        ImportError: If a TIFF needs the extra `tiff`, which is not installed.
        TypeError: If `source` is none of the above.
        ValueError: If the file is not an image, is damaged, too large or has another
            number of channels, or if the range of its values is unknown.

    Example:
        ```python
        read_image("street.jpg")  # uint8 (height, width, 3)
        read_image("sensor.tiff", channels=1, value_range=4095)  # float32, one channel
        ```
    """
    channels = require_positive_integer("channels", channels)
    value_range = check_value_range(value_range)
    if hasattr(source, "shape") and hasattr(source, "dtype"):
        return _array(np.asarray(source), channels, value_range)
    with open_picture(source, max_pixels) as picture:
        pixels = picture.read()
    return image_values(picture, pixels, channels, value_range)


def check_value_range(value_range):
    """Returns the `value_range` of `read_image` as a pair of floats, or None."""
    if value_range is None:
        return None
    if isinstance(value_range, numbers.Real):
        value_range = 0, value_range
    is_pair = isinstance(value_range, (tuple, list)) and len(value_range) == 2
    if not is_pair or not value_range[0] < value_range[1]:
        raise ValueError(
            "`value_range` must be a pair (black, white) of increasing numbers, or the "
            f"value of white only, such as 4095. Received: {value_range!r}"
        )
    return tuple(value_range)


def image_values(picture, pixels, channels, value_range):
    """Returns the result of `read_image` for a picture's header and stored pixels."""
    colors, has_alpha = picture.colors, picture.has_alpha
    if colors == "palette":
        pixels, colors = picture.colors_of(pixels[..., 0]), "rgb"
    pixels = _scaled(picture.name, pixels, picture.bits, value_range)
    return _with_channels(picture.name, pixels, colors, has_alpha, channels)


def is_float_image(picture):
    """Returns whether `image_values` returns float32."""
    return picture.bits > 8 or picture.kind == "i"


def check_image_header(picture, channels, value_range):
    """Raises the errors of `image_values` that a picture's header alone shows."""
    count = 3 if picture.colors == "palette" else picture.channels
    _check_channel_count(picture.name, count, picture.colors, channels)
    has_known_range = picture.kind == "u" and picture.bits in (*range(1, 9), 16)
    if value_range is None and not has_known_range:
        kind = {"f": "floats", "i": "signed integers", "u": "integers"}[picture.kind]
        raise ValueError(
            f"The value range of {picture.name} is unknown. Received: {kind} of "
            f"{picture.bits} bits. {_PASS_RANGE}"
        )


def _array(pixels, channels, value_range):
    name = f"the array {pixels.shape} of {pixels.dtype}"
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim != 3 or not pixels.size or pixels.dtype.kind not in "buif":
        raise ValueError(
            f"An image must be an array (height, width, {channels}) of numbers. "
            f"Received the shape {pixels.shape} of {pixels.dtype}"
        )
    if pixels.dtype == bool:  # as in files of one bit
        pixels = pixels.astype("uint8") * np.uint8(255)
    count = pixels.shape[-1]
    has_alpha = count == 2 or (count == 4 and channels != 4)
    colors = {1: "gray", 2: "gray", 3: "rgb", 4: "rgb"}.get(count, "samples")
    if value_range is not None and pixels.dtype != np.uint8:
        pixels = _stretched(name, pixels, *value_range)
    elif pixels.dtype != np.uint8:
        pixels = _checked(pixels)
    return _with_channels(name, pixels, colors, has_alpha, channels)


def _checked(pixels):
    low, high = pixels.min(), pixels.max()
    if not (low >= 0 and high <= 255):  # also true for NaN
        raise ValueError(
            f"An image must have values in 0..255. Received values in {low}..{high}. "
            "Pass `value_range=(black, white)` to scale other ranges."
        )
    if pixels.dtype.kind == "f" and 0 < high <= 1:
        raise ValueError(
            "An image must have values in 0..255. Received: floats of at most 1, which "
            "seem to be in 0..1: multiply by 255, or pass `value_range=1`."
        )
    return pixels.astype("float32" if pixels.dtype.kind == "f" else "uint8")


def _scaled(name, pixels, bits, value_range):
    if bits <= 8:
        if pixels.dtype.kind == "i":  # signed, of a .npy or TIFF file
            _require_range(name, pixels, value_range)
            return _stretched(name, pixels, *value_range)
        return pixels.astype("uint8") * np.uint8(255 // (2**bits - 1))
    if value_range is None and bits == 16 and pixels.dtype.kind in "ui":
        if pixels.dtype != np.int16 and pixels.min() >= 0:
            _warn_of_unused_bits(name, pixels)
            return (pixels / 257).astype("float32")
    _require_range(name, pixels, value_range)
    return _stretched(name, pixels, *value_range)


def _require_range(name, pixels, value_range):
    if value_range is None:
        raise ValueError(
            f"The value range of {name} is unknown. Received: {pixels.dtype}, in "
            f"{pixels.min()}..{pixels.max()}. {_PASS_RANGE}"
        )


def _warn_of_unused_bits(name, pixels):
    bits = int(pixels.max()).bit_length()
    depth = next((depth for depth in _COMMON_DEPTHS if bits <= depth), None)
    if bits > 0 and depth is not None:
        warnings.warn(
            f"A 16-bit image has no value above {2**depth - 1} and will be very "
            f"dark. If its sensor has {depth} bits, pass "
            f"`value_range={2**depth - 1}` (--value-range of the command). "
            f"Received: {name}",
            stacklevel=4,
        )


def _stretched(name, pixels, low, high):
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        count = int((~np.isfinite(pixels)).sum())
        raise ValueError(
            f"The values of an image must be finite. Received: {name}, in which "
            f"{count} values are nan or infinite"
        )
    values = (pixels.astype("float64") - low) * (255 / (high - low))
    return np.clip(values, 0, 255).astype("float32")


def _check_channel_count(name, count, colors, channels):
    if count != channels and (colors == "samples" or channels not in (1, 3)):
        raise ValueError(
            f"An image must have {channels} channels. Received: {name} with {count}. "
            "`channels` sets how many are read."
        )


def _with_channels(name, pixels, colors, has_alpha, channels):
    count = pixels.shape[-1]
    if count == channels:
        return np.ascontiguousarray(pixels)
    _check_channel_count(name, count, colors, channels)
    if has_alpha:
        pixels = pixels[..., :-1]
    if channels == 3 and colors == "gray":
        return np.repeat(pixels, 3, axis=-1)
    if channels == 1 and colors == "rgb":
        gray = pixels.astype("float32") @ np.array(_LUMA, "float32")
        return (np.rint(gray) if pixels.dtype == np.uint8 else gray).astype(
            pixels.dtype
        )[..., None]
    return np.ascontiguousarray(pixels)
