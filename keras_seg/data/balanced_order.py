import numpy as np


def balanced_order(order, class_pixels, share, rng):
    """Puts images that show a drawn class in the place of a share of an order.

    For each of these places a class is drawn, all that occur in the data set being
    equally likely, and then one of the images that show it.

    Args:
        order: int array `(num_samples,)`, indices of images.
        class_pixels: int array `(num_images, num_classes)`: see `class_pixels`.
        share: Float in 0..1, of the samples that are drawn by class.
        rng: `numpy.random.Generator`.

    Returns:
        Two int arrays `(num_samples,)`: the indices of the images, and the class that
        each was drawn for, -1 for the images that stay.

    Example:

    ```python
    pixels = np.array([[9, 0], [8, 0], [7, 1]])  # class 1 is in the last image alone
    balanced_order(np.arange(3), pixels, 1.0, np.random.default_rng(0))
    ```

    Reference: class-uniform sampling of [Zhu et al.,
    2019](https://arxiv.org/abs/1812.01593), which HANet's release trains with.
    """
    order, focus = np.array(order), np.full(len(order), -1)
    places = rng.permutation(len(order))[: round(share * len(order))]
    shown = class_pixels > 0
    classes = np.flatnonzero(shown.any(axis=0))
    focus[places] = rng.choice(classes, len(places))
    for drawn in classes:
        here = focus == drawn
        order[here] = rng.choice(np.flatnonzero(shown[:, drawn]), here.sum())
    return order, focus
