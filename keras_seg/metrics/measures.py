"""Measures of a confusion matrix: pure NumPy functions of pixel counts.

The rows of a matrix `(num_classes, num_classes)` are the labels, its columns the
predictions. One more column may count predictions that are not classes (see
`confusion_matrix`). Undefined values are NaN, and means leave them out; the mean of
none is NaN.

    road, car = 0, 1
    counts = [[90, 10], [20, 80]]
    class_iou(counts)  # [0.75, 0.727...]: 90 / (90 + 10 + 20), 80 / (80 + 20 + 10)
"""

import numpy as np


def class_iou(confusion):
    """Returns the intersection over union of each class, TP / (TP + FN + FP).

    It is NaN for a class that occurs neither in the labels nor in the predictions.
    """
    hits, labeled, predicted = _counts(confusion)
    return _ratio(hits, labeled + predicted - hits)


def class_accuracy(confusion):
    """Returns the accuracy (recall) of each class, TP / (TP + FN).

    It is NaN for a class without labeled pixels.
    """
    hits, labeled, _ = _counts(confusion)
    return _ratio(hits, labeled)


def mean_iou(confusion):
    """Returns the mean of `class_iou` over the classes that occur."""
    return mean(class_iou(confusion))


def mean_accuracy(confusion):
    """Returns the mean of `class_accuracy` over the labeled classes."""
    return mean(class_accuracy(confusion))


def pixel_accuracy(confusion):
    """Returns the share of all pixels that are predicted correctly."""
    hits, labeled, _ = _counts(confusion)
    return float(_ratio(hits.sum(), labeled.sum()))


def frequency_weighted_iou(confusion):
    """Returns the mean of `class_iou`, weighted by the labeled pixels of a class."""
    _, labeled, _ = _counts(confusion)
    present = labeled > 0
    weighted = np.sum(labeled[present] * class_iou(confusion)[present])
    return float(_ratio(weighted, labeled.sum()))


def merge_classes(confusion, groups):
    """Returns the confusion matrix of groups of classes, such as categories.

    Args:
        confusion: array `(num_classes, num_classes)`, or with one more column.
        groups: sequence of str. The group of each class.

    Returns:
        Pair of the names of the groups, in order of appearance, and their confusion
        matrix. It keeps the column of predictions that are not classes, if any.

    Raises:
        ValueError: If there is not exactly one group for each class.
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
    """Returns the mean of the values that are not NaN, or NaN if there are none."""
    values = np.asarray(values, "float64")
    values = values[~np.isnan(values)]
    # Adds in order, like the benchmarks' own code, to match its last digit.
    return float(np.cumsum(values)[-1] / len(values)) if len(values) else np.nan


def _counts(confusion):
    """Returns the correct, the labeled and the predicted pixels of each class."""
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
