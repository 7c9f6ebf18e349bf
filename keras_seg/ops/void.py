"""Which pixels count: the one rule of all losses and metrics."""

import operator

from keras import ops


def valid_pixels(labels, ignore_class=255):
    """Where labels count, which is where they are not void.

    Args:
        labels: integer tensor, of any shape.
        ignore_class: int, or a sequence of ints where a data set has several void
            labels, or None where all pixels count.

    Returns:
        bool tensor of the shape of `labels`.

    Example: `valid_pixels(keras.ops.array([0, 255, 254]), (254, 255))` is True, False,
    False.
    """
    labels = ops.cast(labels, "int32")
    valid = ops.ones_like(labels, dtype="bool")
    for void in void_labels(ignore_class):
        valid = ops.logical_and(valid, ops.not_equal(labels, void))
    return valid


def void_labels(ignore_class):
    """The void labels that an `ignore_class` names, as a tuple of ints.

    Raises:
        ValueError: If it is no int, no sequence of ints and not None.
    """
    if ignore_class is None:
        return ()
    several = isinstance(ignore_class, list | tuple | set)
    try:
        return tuple(map(operator.index, ignore_class if several else (ignore_class,)))
    except TypeError:
        raise ValueError(
            "`ignore_class` must be an int, a sequence of ints or None. "
            f"Received: {ignore_class=}"
        ) from None


def require_void(ignore_class):
    """`ignore_class` as a configuration keeps it: None, an int or a tuple of ints.

    Raises:
        ValueError: As `void_labels`.
    """
    voids = void_labels(ignore_class)
    return voids[0] if len(voids) == 1 else voids or None
