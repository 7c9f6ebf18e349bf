"""What a confusion matrix says: pure functions of counted pixels, in NumPy.

Rows are the labels, columns the predictions, `(num_classes, num_classes)`; one more
column may hold predictions that are no class (see `confusion_matrix`). Classes that
have nothing to measure are nan, and means leave them out; the mean of none is nan.

    road, car = 0, 1
    counts = [[90, 10], [20, 80]]
    class_iou(counts)  # [0.75, 0.727...]: 90 / (90 + 10 + 20), 80 / (80 + 20 + 10)
"""

import numpy as np


def class_iou(confusion):
    """Intersection over union of each class; nan where it is neither label nor guess.

    Pixels of a class, predicted or labelled, count once: TP / (TP + FN + FP).
    """
    hits, labelled, predicted = _counts(confusion)
    return _ratio(hits, labelled + predicted - hits)


def class_accuracy(confusion):
    """The share of each class's labelled pixels that is right, TP / (TP + FN).

    It is nan for a class that is no pixel's label. Elsewhere this is called recall.
    """
    hits, labelled, _ = _counts(confusion)
    return _ratio(hits, labelled)


def mean_iou(confusion):
    """The mean of `class_iou` over the classes that occur."""
    return mean(class_iou(confusion))


def mean_accuracy(confusion):
    """The mean of `class_accuracy` over the labelled classes: balanced accuracy."""
    return mean(class_accuracy(confusion))


def pixel_accuracy(confusion):
    """The share of all pixels that is right."""
    hits, labelled, _ = _counts(confusion)
    return float(_ratio(hits.sum(), labelled.sum()))


def frequency_weighted_iou(confusion):
    """The mean of `class_iou` by the classes' shares of the labelled pixels."""
    _, labelled, _ = _counts(confusion)
    present = labelled > 0
    weighted = np.sum(labelled[present] * class_iou(confusion)[present])
    return float(_ratio(weighted, labelled.sum()))


def merge_classes(confusion, groups):
    """The confusion matrix of groups of classes, such as Cityscapes' categories.

    Args:
        confusion: array `(num_classes, num_classes or one more)`.
        groups: sequence of str, the group of each class.

    Returns:
        Pair of the groups' names in the order in which they occur, and their matrix,
        with the column of predictions that are no class if there is one.

    Raises:
        ValueError: If there is not a group for each class.
    """
    confusion = np.asarray(confusion)
    if len(groups) != len(confusion):
        raise ValueError(
            "`groups` must name the group of each class. Received: "
            f"{len(groups)} groups for {len(confusion)} classes"
        )
    names = list(dict.fromkeys(groups))
    index = [names.index(group) for group in groups]
    extra = range(len(names), len(names) + confusion.shape[1] - len(confusion))
    merged = np.zeros((len(names), len(names) + len(extra)), confusion.dtype)
    np.add.at(merged, np.ix_(index, [*index, *extra]), confusion)
    return names, merged


def mean(values):
    """The mean of what is not nan, and nan where there is nothing."""
    values = np.asarray(values, "float64")
    values = values[~np.isnan(values)]
    # Added up in order, as the benchmarks' own code does, to have its last digit too.
    return float(np.cumsum(values)[-1] / len(values)) if len(values) else np.nan


def _counts(confusion):
    """The hits, the labelled and the predicted pixels of each class."""
    confusion = np.asarray(confusion)
    if confusion.ndim != 2 or not 0 <= confusion.shape[1] - len(confusion) <= 1:
        raise ValueError(
            "`confusion` must be (num_classes, num_classes), or have one column more. "
            f"Received the shape {confusion.shape}"
        )
    predicted = confusion.sum(axis=0)[: len(confusion)]
    return np.diagonal(confusion), confusion.sum(axis=1), predicted


def _ratio(part, whole):
    part, whole = np.asarray(part, "float64"), np.asarray(whole, "float64")
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
