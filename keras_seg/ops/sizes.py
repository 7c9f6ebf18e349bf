"""Validation of size arguments."""

from numbers import Integral


def require_size(name, size):
    """Returns `(rows, columns)` as ints; raises a ValueError naming the argument."""
    is_pair = isinstance(size, (tuple, list)) and len(size) == 2
    if not is_pair or not all(isinstance(n, Integral) and n > 0 for n in size):
        raise ValueError(
            f"`{name}` must be (rows, columns), two positive integers. "
            f"Received: {name}={size!r}"
        )
    return int(size[0]), int(size[1])
