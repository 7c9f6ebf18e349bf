import numpy as np

from keras_seg.ops.labels import ignored_labels, unknown_label_message
from keras_seg.positive_integer import require_positive_integer
from keras_seg.typing import IgnoreClass, Tensor


def confusion_matrix(
    labels: Tensor,
    classes: Tensor,
    num_classes: int,
    ignore_class: IgnoreClass = 255,
) -> np.ndarray:
    """Counts how often each class was predicted as each other class, in NumPy.

    The last column counts predictions that are not classes, such as ids that a
    benchmark does not evaluate. They are misses of the labeled class and false
    positives of no class.

    Args:
        labels: integer array of any shape, with classes and ignored labels.
        classes: integer array of that shape, the predicted classes.
        num_classes: int.
        ignore_class: int, tuple of ints, or None. Pixels with such a label are ignored.

    Returns:
        int64 array `(num_classes, num_classes + 1)`: rows are the labels, columns the
        predictions. Add the matrices of several images to combine them.

    Raises:
        ValueError: If `num_classes` is not a positive integer, if the shapes differ, if
            one of the arrays does not contain integers, or if a label is neither a
            class nor ignored.

    Example:
        `confusion_matrix([0, 0, 1, 255], [0, 1, 7, 0], 2)` is `[[1, 1, 0], [0, 0, 1]]`.
    """
    num_classes = require_positive_integer("num_classes", num_classes)
    labels, classes = np.asarray(labels), np.asarray(classes)
    if labels.shape != classes.shape:
        raise ValueError(
            "`labels` and `classes` must have the same shape. Received: "
            f"{labels.shape} and {classes.shape}"
        )
    for name, array in (("labels", labels), ("classes", classes)):
        if array.dtype.kind not in "iu":
            raise ValueError(
                f"`{name}` must be an integer array. Received the dtype {array.dtype}"
            )
    labels, classes, pixels = _runs(labels.reshape(-1), classes.reshape(-1))
    counted = ~np.isin(labels, ignored_labels(ignore_class))
    labels, classes, pixels = labels[counted], classes[counted], pixels[counted]
    unknown = (labels < 0) | (labels >= num_classes)
    if unknown.any():
        values = np.unique(labels[unknown])[:5].tolist()
        raise ValueError(unknown_label_message(values, ignore_class, num_classes))
    columns = np.where((classes >= 0) & (classes < num_classes), classes, num_classes)
    cells = labels.astype("int64") * (num_classes + 1) + columns
    size = num_classes * (num_classes + 1)
    # float64 represents all integers below 2^53 exactly.
    counts = np.bincount(cells, weights=pixels, minlength=size).astype("int64")
    return counts.reshape(num_classes, num_classes + 1)


def _runs(labels, classes):
    """Returns the two values and the number of pixels of each run of equal pixels.

    Label maps consist of areas, with far fewer runs than pixels, so that finding runs
    first is faster than counting pixel by pixel.
    """
    if not labels.size:
        return labels, classes, np.zeros(0, "int64")
    changes = labels[1:] != labels[:-1]
    changes |= classes[1:] != classes[:-1]
    last = np.append(np.flatnonzero(changes), labels.size - 1)
    return labels[last], classes[last], np.diff(last, prepend=-1)
