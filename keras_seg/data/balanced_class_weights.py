import numpy as np

from keras_seg.data.class_pixels import class_pixels
from keras_seg.data.dataset import SegmentationDataset


def balanced_class_weights(dataset: SegmentationDataset) -> list[float]:
    """Returns class weights by median frequency balancing.

    The frequency of a class is its share of the labeled pixels in the images that
    contain it. Its weight is the median of all frequencies divided by its own, so that
    rare classes weigh more than 1 and frequent ones less. A class that never occurs has
    the weight 1.

    Args:
        dataset: `SegmentationDataset`. All of its labels are read once.

    Returns:
        list of float, one for each class, for `class_weights` of the losses.

    Raises:
        ValueError: If no label contains a class, or if classes are independent.

    Example:
        `SegmentationCrossentropy(class_weights=balanced_class_weights(train))`

    References:
        [Eigen and Fergus, 2015](https://arxiv.org/abs/1411.4734), section 6.3.2
    """
    if dataset.independent_classes:
        raise ValueError(
            "Class weights cannot be balanced for independent classes, because a "
            "class's weight is that of its present and absent pixels. Pass weights, or "
            'add an overlap loss: "crossentropy+dice" (--loss of the command).'
        )
    pixels = class_pixels(dataset)
    shown = pixels > 0
    if not shown.any():
        raise ValueError("`dataset` must have labels with classes. Received: none.")
    of_class = pixels.sum(axis=0)
    of_images = (shown * pixels.sum(axis=1, keepdims=True)).sum(axis=0)
    occurs = of_class > 0
    frequencies = of_class[occurs] / of_images[occurs]
    weights = np.ones(dataset.num_classes)
    weights[occurs] = np.median(frequencies) / frequencies
    return weights.tolist()
