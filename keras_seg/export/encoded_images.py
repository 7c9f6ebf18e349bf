"""Decoding of image files within a TensorFlow graph."""

import tensorflow as tf

from keras_seg.export.exif_orientation import exif_orientation, turn

_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER = 25  # bytes: signature, first chunk's length and name, sizes, bit depth


def decode_images(contents, size, always, max_pixels):
    """Decodes the JPEG or PNG files of a request.

    The rules are those of `keras_seg.data.read_image`: grayscale images get three equal
    channels, an alpha channel is dropped, 16-bit values are divided by 257, and colors
    equal those that Pillow decodes. Images are rotated according to their EXIF
    orientation, so that they are upright.

    The size in a file's header is checked before the file is decoded, so that a small
    file cannot allocate much memory.

    Args:
        contents: string tensor `(images,)`, the contents of the files.
        size: pair (height, width) to which several images are resized, by bilinear
            interpolation with antialiasing; or None if all images have one size.
        always: bool. Whether to resize a single image to `size` too; otherwise it keeps
            its own size.
        max_pixels: int. The largest number of pixels of an image, and of all returned
            images together.

    Returns:
        float32 tensor `(images, height, width, 3)` in 0..255.

    Raises:
        tf.errors.InvalidArgumentError: At run time, if there is no image, if one is
            neither JPEG nor PNG, if it is damaged or too large, or if sizes differ
            while `size` is None.

    Example:
        ```python
        contents = tf.constant([pathlib.Path("street.jpg").read_bytes()])
        decode_images(contents, size=None, always=False, max_pixels=4096 * 4096)
        ```
    """
    contents = tf.ensure_shape(contents, (None,))  # TF Serving does not check ranks
    count = tf.size(contents)
    some = _require(count > 0, "The request must have at least one image.")
    with tf.control_dependencies([some]):
        own_sizes, orientations = tf.map_fn(
            lambda content: _size(content, max_pixels),
            contents,
            fn_output_signature=(
                tf.TensorSpec((2,), "int64"),
                tf.TensorSpec((), "int32"),
            ),
        )
    target, checks = _target(own_sizes, count, size, always)
    total = tf.cast(count, "int64") * tf.reduce_prod(target)
    checks.append(
        _require(
            total <= max_pixels,
            f"The images of a request must have at most {max_pixels} pixels together. "
            "Received:",
            total,
        )
    )
    with tf.control_dependencies(checks):
        contents = tf.identity(contents)
    images = tf.map_fn(
        lambda x: _resize(turn(_decode(x[0]), x[1]), target),
        (contents, orientations),
        fn_output_signature=tf.TensorSpec((None, None, 3), "float32"),
        parallel_iterations=1,  # only one image at a time is at its own, larger size
    )
    if always:
        images = tf.ensure_shape(images, (None, *size, 3))
    return images


def _require(condition, message, *data):
    return tf.debugging.Assert(condition, [message, *data])


def _is(content, magic):
    return tf.equal(tf.strings.substr(content, 0, len(magic)), magic)


def _size(content, max_pixels):
    """Returns height and width of the upright image, and the EXIF orientation."""
    is_jpeg = _is(content, _JPEG)
    is_png = (
        _is(content, _PNG)
        & (tf.strings.length(content) >= _PNG_HEADER)
        & _is_header_chunk(content)
    )
    known = _require(
        is_jpeg | is_png, "An image must be the whole content of a JPEG or PNG file."
    )

    def of_jpeg():
        return tf.cast(tf.io.extract_jpeg_shape(content)[:2], "int64")

    def of_png():
        numbers = tf.strings.substr(content, 16, 8)
        numbers = tf.io.decode_raw(numbers, tf.int32, little_endian=False)
        width_and_height = tf.ensure_shape(numbers, (2,))
        return tf.cast(width_and_height[::-1], "int64")

    with tf.control_dependencies([known]):
        size = tf.cond(is_jpeg, of_jpeg, of_png)
    fits = _require(
        tf.reduce_all(size > 0) & (tf.reduce_prod(size) <= max_pixels),
        f"An image must have between 1 and {max_pixels} pixels. "
        "Received height and width:",
        size,
    )
    with tf.control_dependencies([fits]):
        orientation = exif_orientation(content, is_jpeg)
    return tf.where(orientation > 4, size[::-1], size), orientation


def _is_header_chunk(content):
    # The first chunk must be the header: another chunk could fake a size.
    chunk = tf.strings.substr(content, tf.minimum(12, tf.strings.length(content)), 4)
    return tf.equal(chunk, b"IHDR")


def _target(own_sizes, count, size, always):
    """Returns the size to which all images are resized, and assertions to run."""
    first = own_sizes[0]
    if size is None:
        same = _require(
            tf.reduce_all(own_sizes == first),
            "The images of one request must have one size, unless the model was "
            "exported with `encoded_size`. Received heights and widths:",
            own_sizes,
        )
        return first, [same]
    stated = tf.constant(size, "int64")
    return (stated if always else tf.where(count == 1, first, stated)), []


def _decode(content):
    return tf.cond(
        _is(content, _JPEG),
        # As accurate as Pillow; TensorFlow's default is faster but less accurate.
        lambda: tf.cast(
            tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE"),
            "float32",
        ),
        lambda: tf.cond(
            tf.equal(tf.strings.substr(content, _PNG_HEADER - 1, 1), b"\x10"),
            lambda: tf.cast(tf.io.decode_png(content, 3, tf.uint16), "float32") / 257,
            lambda: tf.cast(tf.io.decode_png(content, channels=3), "float32"),
        ),
    )


def _resize(image, target):
    target = tf.cast(target, "int32")
    return tf.cond(
        tf.reduce_all(tf.shape(image)[:2] == target),
        lambda: image,
        lambda: tf.image.resize(image, target, antialias=True),
    )
