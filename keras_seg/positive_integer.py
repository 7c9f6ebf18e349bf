"""Validation of positive integer arguments."""


def require_positive_integer(name, value):
    """Raises a ValueError that names the argument unless it is a positive integer."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(
            f"`{name}` must be a positive integer. Received: {name}={value!r}"
        )
