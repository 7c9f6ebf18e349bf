"""Validation of arguments that are sequences."""


def require_sequence(name, value, content):
    """Returns a sequence, or another iterable, as a tuple.

    Args:
        name: str. The argument, for the error.
        value: the given value.
        content: str. What the sequence must hold, such as "positive integers".

    Raises:
        ValueError: If `value` is a str or cannot be iterated over; the message names
            the argument.
    """
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        return tuple(value)
    except TypeError:
        raise ValueError(
            f"`{name}` must be a sequence of {content}. Received: {name}={value!r}"
        ) from None
