from collections.abc import Sequence

from keras_seg.ceil_division import ceil_division
from keras_seg.ops.sizes import require_size
from keras_seg.positive_integer import require_positive_integer


def prior_size(crop: Sequence[int], output_stride: int) -> tuple[int, int]:
    """Returns the size of CPNet's prior: the rows and columns of the features.

    Args:
        crop: pair of ints, the height and width of the training images in pixels.
        output_stride: int, the output stride of the backbone.

    Returns:
        Pair of ints, `ceil(side / output_stride)`.

    Raises:
        ValueError: If `crop` is not a pair of positive integers, or `output_stride` is
            not a positive integer.

    Example:
        ```python
        prior_size((480, 513), output_stride=8)  # (60, 65)
        ```
    """
    height, width = require_size("crop", tuple(crop))
    output_stride = require_positive_integer("output_stride", output_stride)
    return ceil_division(height, output_stride), ceil_division(width, output_stride)
