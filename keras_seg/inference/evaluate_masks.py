from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from keras_seg.metrics import confusion_matrix, measures
from keras_seg.ops.labels import ignored_labels
from keras_seg.typing import IgnoreClass


def evaluate_masks(
    pairs: Iterable[tuple[Any, Any]],
    class_names: Sequence[str],
    ignore_class: IgnoreClass = 255,
) -> dict[str, Any]:
    """Evaluates predicted masks of independent classes against labels.

    A pixel may have any number of the classes, so that each class is compared by
    itself: its mask of 0 and 1 with the labels' mask.

    Args:
        pairs: iterable of `(labels, masks)`, integer arrays `(height, width, classes)`
            or `(batch, height, width, classes)` of 0 and 1.
        class_names: sequence of str, one for each class.
        ignore_class: int, tuple of ints, or None. Labels that are ignored; a pixel may
            be ignored in some of the classes only.

    Returns:
        dict of

        - "class_iou", "class_accuracy": `{class name: float}`, the intersection over
          union of the masks, and the share of the labels' mask that is found;
        - "mean_iou", "mean_accuracy": their means;
        - "pixel_accuracy": the share of all mask values that are right;
        - "class_share", `{class name: float}`: the class's share of the pixels that are
          not ignored;
        - "ignored_share", a float: the share of ignored labels in images that are not
          ignored entirely;
        - "confusion_matrix": for each class, a matrix of pixel counts with a row for
          each label, 0 and 1, and a column for each prediction.

        Values without pixels are nan and do not count in means.

    Raises:
        ValueError: If two classes have the same name, if a label is neither 0, 1 nor
            ignored, if a mask has other values than 0 and 1, or if shapes differ.

    Example:
        ```python
        labels, masks = np.array([[[1, 0], [1, 1]]]), np.array([[[1, 0], [0, 1]]])
        evaluate_masks([(labels, masks)], ["road", "wet"])["class_iou"]
        # {"road": 0.5, "wet": 1.0}
        ```
    """
    class_names = list(class_names)
    if len(set(class_names)) < len(class_names):
        raise ValueError(
            "`class_names` must have a different name for each class, since results "
            f"are given by name. Received: {class_names=}"
        )
    confusion = np.zeros((len(class_names), 2, 2), "int64")
    num_ignored = seen = 0
    for labels, masks in pairs:
        labels, masks = np.asarray(labels), np.asarray(masks)
        if labels.shape[-1:] != (len(class_names),):
            raise ValueError(
                "Labels must be (height, width, classes) or (batch, height, width, "
                f"classes) with {len(class_names)} classes. Received: {labels.shape}"
            )
        confusion += _counts(labels, masks, ignore_class)
        # Images that are ignored entirely only fill up batches, and do not count.
        ignored = np.isin(labels, ignored_labels(ignore_class))
        ignored = ignored.reshape(-1, np.prod(labels.shape[-3:], dtype=int))
        ignored = ignored[~ignored.all(axis=1)]
        num_ignored += int(np.count_nonzero(ignored))
        seen += ignored.size

    iou = np.array([measures.class_iou(counts)[1] for counts in confusion])
    accuracy = np.array([measures.class_accuracy(counts)[1] for counts in confusion])
    pixels = confusion.sum(axis=(1, 2))
    labeled = confusion[:, 1].sum(axis=1)

    def by_name(values):
        return dict(zip(class_names, np.asarray(values).tolist(), strict=True))

    return {
        "mean_iou": measures.mean(iou),
        "mean_accuracy": measures.mean(accuracy),
        "pixel_accuracy": measures.pixel_accuracy(confusion.sum(axis=0)),
        "class_iou": by_name(iou),
        "class_accuracy": by_name(accuracy),
        "class_share": by_name(labeled / np.where(pixels > 0, pixels, np.nan)),
        "ignored_share": num_ignored / seen if seen else float("nan"),
        "confusion_matrix": confusion.tolist(),
    }


def _counts(labels, masks, ignore_class):
    """Returns the confusion matrix of each class, `(classes, 2, 2)`."""
    if labels.shape != masks.shape:
        raise ValueError(
            "Labels and masks must have the same shape. Received: "
            f"{labels.shape} and {masks.shape}"
        )
    if np.any(masks > 1) or np.any(masks < 0):
        raise ValueError(
            "Masks must have the values 0 and 1. Received values in "
            f"{masks.min()}..{masks.max()}"
        )
    return [
        confusion_matrix(labels[..., c], masks[..., c], 2, ignore_class)[:, :2]
        for c in range(labels.shape[-1])
    ]
