import numpy as np

from keras_seg.metrics import confusion_matrix


def scores(labels, classes, class_names, ignore_class=255):
    """Computes the IoU of each class in one image, and their mean.

    Args:
        labels: integer array `(height, width)`, the labels.
        classes: integer array `(height, width)`, the predicted classes.
        class_names: sequence of str, one for each class.
        ignore_class: int. The label of ignored pixels.

    Returns:
        List of `[name, IoU in percent]` for the classes that occur in either array,
        sorted by decreasing IoU, after `["mean IoU", ...]`.

    Raises:
        ValueError: If the sizes differ, if a label is not a class, or if all pixels are
            ignored.

    Example:
        `scores(labels, classes, ["road", "car"])`
    """
    if labels.shape != classes.shape:
        raise ValueError(
            "The label must have the size of the image, "
            f"{classes.shape[0]} x {classes.shape[1]}. Received: "
            f"{labels.shape[0]} x {labels.shape[1]} pixels"
        )
    counts = confusion_matrix(labels, classes, len(class_names), ignore_class)
    hits = np.diagonal(counts)
    union = counts.sum(axis=1) + counts.sum(axis=0)[: len(hits)] - hits
    occurs = np.flatnonzero(union)
    if not len(occurs):
        raise ValueError(
            "The label must have pixels that are not ignored. Received: none"
        )
    iou = 100 * hits[occurs] / union[occurs]
    rows = [
        [class_names[index], x] for index, x in zip(occurs, iou.tolist(), strict=True)
    ]
    rows.sort(key=lambda row: -row[1])
    return [["mean IoU", float(iou.mean())], *rows]
