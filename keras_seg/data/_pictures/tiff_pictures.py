"""TIFF files: Pillow decodes common ones, tifffile those that Pillow would cut."""

import numpy as np
from PIL import Image

from keras_seg.data._pictures import pillow_pictures
from keras_seg.data._pictures.picture import Picture

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_BITS, _PHOTOMETRIC, _SAMPLES, _EXTRA, _FORMAT = 258, 262, 277, 338, 339
_KIND, _WIDTH, _HEIGHT, _ORIENTATION = 254, 256, 257, 274
_LOSSY = (6, 7, 34892, 50001)  # compressions: three kinds of JPEG, and WebP
_REDUCED_OR_MASK = 0b101  # bits of the tag for the kind of a page
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_KINDS = {2: "i", 3: "f"}  # values of the sample format tag
_ALPHA = (1, 2)  # values of the extra samples tag: associated or unassociated alpha

# Photometric and samples that Pillow decodes unchanged if they have 8 bits.
_PLAIN = {
    (_BLACK_IS_ZERO, 1),
    (_RGB, 3),
    (_RGB, 4),
    (_PALETTE, 1),
    (_CMYK, 4),
    (_YCBCR, 3),
}


def open_file(name, file, stack):
    """Returns the `Picture` of a TIFF file."""
    try:
        with pillow_pictures.any_size():
            image = stack.enter_context(Image.open(file))
    except OSError:  # a kind that Pillow does not support
        return _by_tifffile(name, file, stack)
    if not _is_plain(image.tag_v2):
        return _by_tifffile(name, file, stack)
    with pillow_pictures.any_size():
        _check_pages(_page_kinds(image))
        image.seek(0)
    tags = image.tag_v2
    picture = pillow_pictures.of_pixels(name, image)
    # Pillow rotates the pixels of a TIFF, but may report the size before rotation.
    rows, columns = tags[_HEIGHT], tags[_WIDTH]
    if tags.get(_ORIENTATION, 1) > 4:
        rows, columns = columns, rows
    picture.rows, picture.columns = rows, columns
    return picture


def _is_plain(tags):
    samples = tags.get(_SAMPLES, 1)
    bits, formats = tags.get(_BITS, (1,)), tags.get(_FORMAT, (1,))
    colors = tags.get(_PHOTOMETRIC)
    if set(formats) != {1}:  # unsigned integers
        return False
    if tuple(bits) == (1,):
        return (colors, samples) == (_BLACK_IS_ZERO, 1)
    if set(bits) != {8} or (colors, samples) not in _PLAIN:
        return False
    return (colors, samples) != (_RGB, 4) or tags.get(_EXTRA, (0,))[0] in _ALPHA


def _page_kinds(image):
    for index in range(image.n_frames):
        image.seek(index)
        yield image.tag_v2.get(_KIND, 0)


def _check_pages(kinds):
    count = sum(not kind & _REDUCED_OR_MASK for kind in kinds)
    if count > 1:
        raise ValueError(f"it holds {count} pages. Save each image as a separate file")


def _by_tifffile(name, file, stack):
    try:
        import tifffile
    except ImportError as error:
        raise ImportError(
            "a TIFF of other than 8 bits or with additional channels needs tifffile: "
            "pip install 'keras-seg[tiff]'"
        ) from error
    file.seek(0)
    tiff = stack.enter_context(tifffile.TiffFile(file))
    _check_pages(int(page.subfiletype) for page in tiff.pages)
    page = tiff.pages[0]
    photometric, samples = int(page.photometric), page.samplesperpixel
    if photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB) or set(
        page.axes
    ) - set("YXS"):
        raise ValueError(
            "only gray and RGB images, with extra channels, are supported. Received: "
            f"{page.photometric.name}, axes {page.axes}"
        )
    planar = page.axes.startswith("S")

    def decode():
        pixels = page.asarray()
        if photometric == _WHITE_IS_ZERO:
            pixels = _inverted(pixels, page.bitspersample)
        return np.moveaxis(pixels, 0, -1) if planar else pixels

    color_samples = 3 if photometric == _RGB else 1
    extra = [int(kind) for kind in page.extrasamples]
    has_alpha = samples == color_samples + 1 and extra[-1:] in ([1], [2])
    known = samples == color_samples or has_alpha
    orientation = page.tags.valueof(_ORIENTATION, 1)
    return Picture(
        name,
        page.imagelength,
        page.imagewidth,
        samples,
        bits=page.bitspersample,
        colors={3: "rgb", 1: "gray"}[color_samples] if known else "samples",
        decode=decode,
        has_alpha=has_alpha,
        is_inverted=photometric == _WHITE_IS_ZERO,
        orientation=orientation if orientation in range(1, 9) else 1,
        is_lossy=int(page.compression) in _LOSSY,
        kind=_KINDS.get(int(page.sampleformat), "u"),
    )


def _inverted(pixels, bits):
    """Converts gray values from white-is-0 to black-is-0."""
    if pixels.dtype.kind == "f":
        raise ValueError("floats whose 0 is white are not supported")
    if pixels.dtype.kind == "b":
        return ~pixels
    return (2**bits - 1 - pixels).astype(pixels.dtype)
