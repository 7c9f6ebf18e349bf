def label_map(text):
    """Returns the dict that a flag such as `--label-map 0:0,255:1` means.

    Args:
        text: str. Pairs of a value in the files and its class, with commas between.

    Returns:
        dict `{value: class}` of ints.

    Raises:
        ValueError: If it is not of this form, or names a value twice.

    Example: `label_map("0:0,255:1")` is `{0: 0, 255: 1}`.
    """
    pairs = [pair.split(":") for pair in text.split(",")]
    try:
        values = {int(value): int(label) for value, label in pairs}
    except ValueError:
        values = {}
    if not values or len(values) < len(pairs):
        raise ValueError(
            "A label map must be pairs VALUE:CLASS with commas between, each value "
            f"once, such as 0:0,255:1. Received: {text}"
        )
    return values
