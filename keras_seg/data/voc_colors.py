import numpy as np


def voc_colors(number):
    """Returns the colors of PASCAL VOC's label files, as in its development kit.

    The bits of a class number become the highest bits of red, green and blue in turn: 0
    is black, 1 is (128, 0, 0), 2 is (0, 128, 0).

    Args:
        number: int. The number of colors, up to 256.

    Returns:
        uint8 array `(number, 3)`, RGB.

    Example:
        `voc_colors(21)[15]`, the color of persons, is `[192, 128, 128]`.
    """
    classes = np.arange(number)
    colors = np.zeros((number, 3), "uint8")
    for bit in range(8):
        for channel in range(3):
            is_set = classes >> (3 * bit + channel) & 1
            colors[:, channel] |= (is_set << (7 - bit)).astype("uint8")
    return colors
