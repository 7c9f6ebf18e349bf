from collections.abc import Sequence

from keras_seg.ceil_division import ceil_division


def prior_size(crop: Sequence[int], output_stride: int) -> tuple[int, int]:
    """Returns the size of CPNet's prior: the rows and columns of the features.

    Args:
        crop: pair of ints, the height and width of the training images in pixels.
        output_stride: int, the output stride of the backbone.

    Returns:
        Pair of ints, `ceil(side / output_stride)`.

    Example:
        ```python
        prior_size((480, 513), output_stride=8)  # (60, 65)
        ```
    """
    height, width = crop
    return ceil_division(height, output_stride), ceil_division(width, output_stride)
