from collections.abc import Sequence

from keras_seg.ceil_division import ceil_division
from keras_seg.models.prior_size import prior_size

_PARTS = 3, 5  # of the 60 cells of a side, the release makes 20 and 12 bins


def pool_sizes(
    crop: Sequence[int], output_stride: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Returns the pooling grids of SPNet that suit training crops of a given size.

    As in the release, whose crops have 480 pixels at output stride 8, one grid has a
    third of the rows and columns of the features, and the other one a fifth.

    Args:
        crop: pair of ints, the height and width of the training images in pixels.
        output_stride: int, the output stride of the backbone.

    Returns:
        The two grids, each a pair of rows and columns, for the argument `pool_sizes` of
        `SPNet` and `MixedPooling`.

    Raises:
        ValueError: If `crop` is not a pair of positive integers, or `output_stride` is
            not a positive integer.

    Example:
        ```python
        pool_sizes((480, 480), output_stride=8)  # ((20, 20), (12, 12))
        pool_sizes((256, 320), output_stride=16)  # ((6, 7), (4, 4))
        ```

    References:
        [Hou et al., 2020](https://arxiv.org/abs/2003.13328), section 3.2.
    """
    rows, columns = prior_size(crop, output_stride)
    near, far = (
        (ceil_division(rows, part), ceil_division(columns, part)) for part in _PARTS
    )
    return near, far
