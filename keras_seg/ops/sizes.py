"""Checks of sizes that layers and losses are given."""

from numbers import Integral


def require_size(name, size):
    """`(rows, columns)` as a pair of ints, or a ValueError that names the argument."""
    is_pair = isinstance(size, (tuple, list)) and len(size) == 2
    if not is_pair or not all(isinstance(n, Integral) and n > 0 for n in size):
        raise ValueError(
            f"`{name}` must be (rows, columns), two positive ints. "
            f"Received: {name}={size!r}"
        )
    return int(size[0]), int(size[1])
