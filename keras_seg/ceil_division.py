"""Division that rounds up, for numbers of cells, windows and batches."""


def ceil_division(number, divisor):
    """`ceil(number / divisor)` of integers, 0 or more; they may be tensors."""
    # Of no negative numbers: ONNX's integer division rounds them up.
    return (number + divisor - 1) // divisor
