"""Checks of the arguments that all models share."""


def require_classes(num_classes):
    """Raises a ValueError unless a softmax over so many classes makes sense."""
    if not isinstance(num_classes, int) or num_classes < 2:
        raise ValueError(
            f"`num_classes` must be an int above 1. Received: {num_classes=}"
        )
