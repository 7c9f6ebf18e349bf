import numbers
import warnings

import numpy as np

from keras_seg.data._pictures import MAX_PIXELS, open_picture

_LUMA = 0.299, 0.587, 0.114  # ITU-R BT.601
_COMMON_DEPTHS = 10, 12, 14  # bits of sensors whose values files of 16 bits hold


def read_image(source, channels=3, value_range=None, max_pixels=MAX_PIXELS):
    """Reads an image as people see it, with values in 0..255.

    The image is turned as the camera noted it (EXIF's orientation), which photographs
    from telephones need. Data sets, `evaluate`, `predict` and `keras-seg` all read
    images by this function, so that the following rules hold everywhere:

    - Up to 8 bits: uint8, black is 0 and white is 255.
    - 16 bits: float32, `value / 257`, so that 65535 becomes 255 and nothing of the
      depth is lost. Where only part of the 16 bits is in use, as by a sensor of 12
      bits, `value_range=4095` makes 4095 the 255.
    - Floats, 32 bits and signed integers need a `value_range`, since a file does not
      state their range.

    Args:
        source: str or path of a PNG, JPEG, BMP, GIF, WebP, TIFF or .npy file; bytes,
            its content; a `PIL.Image.Image`; or an array `(height, width)` or
            `(height, width, channels)`, whose values are in 0..255 unless
            `value_range` says otherwise. TIFF files of more than 8 bits or with more
            channels than red, green, blue and alpha need the extra `tiff`.
        channels: int. How many channels the result has. 3: grey is repeated. 1: colours
            become grey, `0.299 R + 0.587 G + 0.114 B`. In both cases an alpha channel
            is dropped. Any other number must be that of the file.
        value_range: the values of black and of white, a pair `(low, high)` or a number
            `high` for `(0, high)`; values beyond are clipped. Files of up to 8 bits
            do not need it and keep their own range. `None`: as above.
        max_pixels: int. A larger image is refused before it is decoded, because a
            small file can ask for much memory.

    Returns:
        uint8 or float32 array `(height, width, channels)`, RGB, in 0..255.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If a TIFF needs the extra `tiff`, which is not installed.
        TypeError: If `source` is none of the above.
        ValueError: If the file is not an image, is damaged, too large or has other
            channels, or if the range of its values is not known.

    Example:

    ```python
    read_image("street.jpg")  # uint8 (height, width, 3)
    read_image("sensor.tiff", channels=1, value_range=4095)  # float32, one channel
    ```
    """
    check_channels(channels)
    value_range = check_value_range(value_range)
    if hasattr(source, "shape") and hasattr(source, "dtype"):
        return _array(np.asarray(source), channels, value_range)
    with open_picture(source, max_pixels) as picture:
        pixels = picture.read()
    return image_values(picture, pixels, channels, value_range)


def check_channels(channels):
    """Raises a ValueError unless `channels` is a positive integer."""
    if not isinstance(channels, int) or channels < 1:
        raise ValueError(
            f"`channels` must be a positive integer. Received: {channels=}"
        )


def check_value_range(value_range):
    """`value_range` of `read_image` as a pair of floats, or None."""
    if value_range is None:
        return None
    if isinstance(value_range, numbers.Real):
        value_range = 0, value_range
    is_pair = isinstance(value_range, (tuple, list)) and len(value_range) == 2
    if not is_pair or not value_range[0] < value_range[1]:
        raise ValueError(
            "`value_range` must be a pair (black, white) of increasing numbers, or the "
            f"number of white alone, such as 4095. Received: {value_range!r}"
        )
    return tuple(value_range)


def image_values(picture, pixels, channels, value_range):
    """What `read_image` returns, of a picture's header and stored pixels."""
    colors, has_alpha = picture.colors, picture.has_alpha
    if colors == "palette":
        pixels, colors = picture.palette[pixels[..., 0]], "rgb"
    pixels = _scaled(picture.name, pixels, picture.bits, value_range)
    return _with_channels(picture.name, pixels, colors, has_alpha, channels)


def is_float_image(picture):
    """Whether `image_values` gives float32."""
    return picture.bits > 8


def _array(pixels, channels, value_range):
    name = f"the array {pixels.shape} of {pixels.dtype}"
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim != 3 or not pixels.size or pixels.dtype.kind not in "buif":
        raise ValueError(
            f"An image must be an array (height, width, {channels}) of numbers. "
            f"Received the shape {pixels.shape} of {pixels.dtype}"
        )
    count = pixels.shape[-1]
    has_alpha = count == 2 or (count == 4 and channels != 4)
    colors = {1: "grey", 2: "grey", 3: "rgb", 4: "rgb"}.get(count, "samples")
    if value_range is not None and pixels.dtype != np.uint8:
        pixels = _stretched(name, pixels, *value_range)
    elif pixels.dtype != np.uint8:
        pixels = _checked(pixels)
    return _with_channels(name, pixels, colors, has_alpha, channels)


def _checked(pixels):
    low, high = pixels.min(), pixels.max()
    if not (low >= 0 and high <= 255):  # nan is neither
        raise ValueError(
            f"An image must have values in 0..255. Received values in {low}..{high}. "
            "`value_range=(black, white)` scales others."
        )
    if pixels.dtype.kind == "f" and 0 < high <= 1:
        raise ValueError(
            "An image must have values in 0..255. Received floats of 1 at most, which "
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
            f"The range of the values of {name} is not known: {pixels.dtype}, in "
            f"{pixels.min()}..{pixels.max()}. Pass `value_range=(black, white)` "
            "(--value-range of the command)."
        )


def _warn_of_unused_bits(name, pixels):
    bits = int(pixels.max()).bit_length()
    depth = next((depth for depth in _COMMON_DEPTHS if bits <= depth), None)
    if bits > 0 and depth is not None:
        warnings.warn(
            f"An image of 16 bits has no value above {2**depth - 1} and comes out "
            f"dark. If its sensor has {depth} bits, pass "
            f"`value_range={2**depth - 1}` (--value-range of the command). The first "
            f"such image: {name}",
            stacklevel=4,
        )


def _stretched(name, pixels, low, high):
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        count = int((~np.isfinite(pixels)).sum())
        raise ValueError(
            f"The values of an image must be finite. Received: {name}, of which "
            f"{count} values are nan or infinite"
        )
    values = (pixels.astype("float64") - low) * (255 / (high - low))
    return np.clip(values, 0, 255).astype("float32")


def _with_channels(name, pixels, colors, has_alpha, channels):
    count = pixels.shape[-1]
    if count == channels:
        return np.ascontiguousarray(pixels)
    if colors == "samples" or channels not in (1, 3):
        raise ValueError(
            f"An image must have {channels} channels. Received: {name} with {count}. "
            "`channels` says how many are read."
        )
    if has_alpha:
        pixels = pixels[..., :-1]
    if channels == 3 and colors == "grey":
        return np.repeat(pixels, 3, axis=-1)
    if channels == 1 and colors == "rgb":
        grey = pixels.astype("float32") @ np.array(_LUMA, "float32")
        return (np.rint(grey) if pixels.dtype == np.uint8 else grey).astype(
            pixels.dtype
        )[..., None]
    return np.ascontiguousarray(pixels)
