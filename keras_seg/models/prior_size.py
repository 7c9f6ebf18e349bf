from keras_seg.ceil_division import ceil_division


def prior_size(crop, output_stride):
    """The rows and columns of a backbone's features: the size of CPNet's prior.

    Args:
        crop: pair of ints, the height and width of the images to train on.
        output_stride: int. That of the backbone.

    Returns:
        Pair of ints, `ceil(side / output_stride)`.

    Example: `prior_size((480, 513), output_stride=8)` is `(60, 65)`.
    """
    height, width = crop
    return ceil_division(height, output_stride), ceil_division(width, output_stride)
