import numpy as np


def balanced_order(order, class_pixels, share, rng):
    """Replaces a share of an order by images that contain a randomly drawn class.

    For each replaced place, one of the classes that occur in the data set is drawn with
    equal probability, then one of the images that contain it.

    Args:
        order: int array `(num_samples,)`, indices of images.
        class_pixels: int array `(num_images, num_classes)`; see `class_pixels`.
        share: float in 0..1, the share of samples that are drawn by class.
        rng: `numpy.random.Generator`.

    Returns:
        Two int arrays `(num_samples,)`: the indices of the images, and the class that
        each was drawn for, -1 for images that were not replaced.

    Example:
        ```python
        pixels = np.array([[9, 0], [8, 0], [7, 1]])  # only the last image has class 1
        balanced_order(np.arange(3), pixels, 1.0, np.random.default_rng(0))
        ```

    References:
        Class-uniform sampling of [Zhu et al., 2019](https://arxiv.org/abs/1812.01593),
        which the released code of HANet uses
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
