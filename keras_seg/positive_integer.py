"""Validation of positive integer arguments."""

import numbers


def require_positive_integer(name, value):
    """Returns a positive integer as an int.

    Args:
        name: str. The argument, for the error.
        value: int, or an integer of NumPy.

    Raises:
        ValueError: If `value` is anything else; the message names the argument.
    """
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(
            f"`{name}` must be a positive integer. Received: {name}={value!r}"
        )
    return int(value)
