"""EXIF orientation of photographs within a TensorFlow graph."""

import tensorflow as tf

_TAG = 0x0112
_APP1, _START_OF_SCAN, _END = 0xE1, 0xDA, 0xD9  # JPEG markers
_WITHOUT_LENGTH = 0x01, *range(0xD0, 0xD9)  # JPEG markers without a length
_ENTRIES = 256  # entries of a directory that are read; cameras write about twelve


def exif_orientation(content, is_jpeg):
    """Reads the EXIF orientation of an image, like `keras_seg.data.read_image`.

    Args:
        content: string tensor `()`, the whole content of a JPEG or PNG file.
        is_jpeg: bool tensor `()`. True for a JPEG, False for a PNG.

    Returns:
        int32 tensor `()` in 1..8, the EXIF orientation; 1, upright, if the file has
        none or its EXIF data are damaged.

    Example:
        `exif_orientation(tf.constant(photograph), tf.constant(True))`
    """
    start = tf.cond(
        is_jpeg, lambda: _exif_of_jpeg(content), lambda: _exif_of_png(content)
    )
    return tf.cond(start > 0, lambda: _orientation(content, start), lambda: 1)


def turn(image, orientation):
    """Turns an image `(rows, columns, channels)` upright, given its orientation."""
    turned = tf.cond(
        orientation > 4, lambda: tf.transpose(image, (1, 0, 2)), lambda: image
    )
    # Then mirror vertically and horizontally, as needed.
    for axis, orientations in ((0, (3, 4, 7, 8)), (1, (2, 3, 6, 7))):
        mirrored = tf.reduce_any(tf.equal(orientation, orientations))
        turned = tf.cond(
            mirrored,
            lambda image=turned, axis=axis: tf.reverse(image, (axis,)),
            lambda image=turned: image,
        )
    return turned


def _bytes(content, start, count):
    """Returns `count` bytes as int32, 0 beyond the end."""
    start = tf.minimum(start, tf.strings.length(content))
    padded = tf.strings.join([tf.strings.substr(content, start, count), b"\0" * count])
    values = tf.io.decode_raw(tf.strings.substr(padded, 0, count), tf.uint8)
    return tf.ensure_shape(tf.cast(values, "int32"), (count,))


def _number(values):
    """Returns the number that big-endian bytes encode."""
    number = values[..., 0]
    for index in range(1, values.shape[-1]):
        number = number * 256 + values[..., index]
    return number


def _equals(content, start, text):
    start = tf.minimum(start, tf.strings.length(content))
    return tf.equal(tf.strings.substr(content, start, len(text)), text)


def _exif_of_jpeg(content):
    """Returns the position of the EXIF data of a JPEG, or 0."""
    length = tf.strings.length(content)

    def step(position, _):
        marker = _bytes(content, position, 4)
        size = _number(marker[2:])
        kind = marker[1]
        is_exif = tf.equal(kind, _APP1) & _equals(content, position + 4, b"Exif\0\0")
        found = tf.where(is_exif, position + 10, 0)
        ends = (
            tf.not_equal(marker[0], 0xFF)
            | tf.equal(kind, _START_OF_SCAN)
            | tf.equal(kind, _END)
        )
        alone = tf.reduce_any(tf.equal(kind, _WITHOUT_LENGTH))
        forward = tf.where(tf.equal(kind, 0xFF), 1, tf.where(alone, 2, 2 + size))
        return tf.where(ends, length, position + tf.maximum(forward, 1)), found

    _, found = tf.while_loop(
        lambda position, found: tf.equal(found, 0) & (position < length), step, (2, 0)
    )
    return found


def _exif_of_png(content):
    """Returns the position of the EXIF data of a PNG, or 0."""
    length = tf.strings.length(content)

    def step(position, _):
        size = _number(_bytes(content, position, 4))
        found = tf.where(_equals(content, position + 4, b"eXIf"), position + 8, 0)
        # The size of a damaged chunk may exceed the file.
        is_sound = (size >= 0) & (size <= length - position)
        return tf.where(is_sound, position + size + 12, length), found

    _, found = tf.while_loop(
        lambda position, found: tf.equal(found, 0) & (position < length), step, (8, 0)
    )
    return found


def _orientation(content, start):
    """Returns the orientation in EXIF data, which have the format of a TIFF file."""
    header = _bytes(content, start, 8)
    little = tf.equal(header[0], ord("I"))

    def number(values):
        return tf.where(little, _number(values[..., ::-1]), _number(values))

    directory = number(header[4:])
    length = tf.strings.length(content)
    # Damaged EXIF data may point anywhere.
    directory = start + tf.where(
        (directory >= 0) & (directory < length - start), directory, length - start
    )
    count = number(_bytes(content, directory, 2))
    entries = tf.reshape(_bytes(content, directory + 2, 12 * _ENTRIES), (_ENTRIES, 12))
    is_long = tf.equal(number(entries[:, 2:4]), 4)
    values = tf.where(is_long, number(entries[:, 8:12]), number(entries[:, 8:10]))
    is_it = tf.equal(number(entries[:, :2]), _TAG) & (tf.range(_ENTRIES) < count)
    value = tf.reduce_max(tf.where(is_it, values, 0))
    return tf.where((value >= 1) & (value <= 8), value, 1)
