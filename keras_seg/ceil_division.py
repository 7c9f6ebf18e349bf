"""Integer division that rounds up, for numbers of cells, windows and batches."""


def ceil_division(number, divisor):
    """Returns `ceil(number / divisor)` of nonnegative integers or integer tensors."""
    # Avoids negative numbers, which integer division in ONNX rounds up.
    return (number + divisor - 1) // divisor
