def label_map(text):
    """Parses the text of a flag such as `--label-map 0:0,255:1` into a dict.

    Args:
        text: str. Pairs `value:class`, separated by commas.

    Returns:
        dict `{value: class}` of ints.

    Raises:
        ValueError: If the text has another form or lists a value twice.

    Example:
        `label_map("0:0,255:1")` returns `{0: 0, 255: 1}`.
    """
    pairs = [pair.split(":") for pair in text.split(",")]
    try:
        values = {int(value): int(label) for value, label in pairs}
    except ValueError:
        values = {}
    if not values or len(values) < len(pairs):
        raise ValueError(
            "A label map must be pairs VALUE:CLASS separated by commas, each value "
            f"once, such as 0:0,255:1. Received: {text}"
        )
    return values
