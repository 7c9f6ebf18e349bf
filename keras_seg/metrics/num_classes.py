"""Validation of the number of classes of metrics."""

from numbers import Integral


def require_num_classes(num_classes):
    """Returns the number of classes as an int.

    Args:
        num_classes: int, or an integer of NumPy.

    Raises:
        ValueError: If `num_classes` is not a positive integer.
    """
    if (
        not isinstance(num_classes, Integral)
        or isinstance(num_classes, bool)
        or num_classes < 1
    ):
        raise ValueError(
            f"`num_classes` must be a positive integer. Received: {num_classes=}"
        )
    return int(num_classes)
