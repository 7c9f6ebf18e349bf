from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from keras_seg.data import ClassShares
from keras_seg.metrics import BoundaryF1, confusion_matrix, measures
from keras_seg.ops.labels import ignored_labels
from keras_seg.typing import IgnoreClass


def evaluate_label_maps(
    pairs: Iterable[tuple[Any, Any]],
    class_names: Sequence[str],
    ignore_class: IgnoreClass = 255,
    boundaries: bool = True,
    boundary_tolerance: float | None = None,
) -> dict[str, Any]:
    """Evaluates predicted class maps against labels.

    Like `evaluate`, but for predictions that exist already, for example in files that
    another program wrote. The measures are those of `keras_seg.metrics.measures`,
    computed from one confusion matrix over the pixels of all images; they equal those
    of Cityscapes' evaluation code.

    Args:
        pairs: iterable of `(labels, classes)`, integer arrays `(height, width)` or
            `(batch, height, width)`: the labels and the predicted classes. A prediction
            that is not a class counts as wrong for the label's class only.
        class_names: sequence of str, one for each class.
        ignore_class: int, tuple of ints, or None. Labels that are ignored.
        boundaries: bool. Whether to compute the boundary F1 too, which takes longer
            than everything else.
        boundary_tolerance: float, in pixels, or None for 0.75 % of each image's
            diagonal.

    Returns:
        dict of

        - "mean_iou", "mean_accuracy", "pixel_accuracy", "frequency_weighted_iou":
          floats in 0..1;
        - "class_iou", "class_accuracy": `{class name: float}`;
        - "boundary_f1", a float, and "class_boundary_f1", `{class name: float}`: see
          `BoundaryF1`; absent with `boundaries=False`;
        - "class_share", `{class name: float}`: the class's share of the labeled pixels
          that are not ignored;
        - "ignored_share", a float: the share of ignored pixels in images with labels;
        - "confusion_matrix": list of lists of int, a row for each class of the labels
          and a column for each predicted class, plus a last column for predictions
          that are not a class, if there are any.

        Values without pixels are nan and do not count in means; `write_evaluation`
        writes them as null.

    Raises:
        ValueError: If fewer than two classes remain besides ignored pixels, if two
            classes have the same name, if a label is neither a class nor ignored, or if
            shapes differ; see also `BoundaryF1`.

    Example:
        ```python
        labels, classes = np.array([[0, 0, 1, 255]]), np.array([[0, 1, 1, 1]])
        evaluate_label_maps([(labels, classes)], ["road", "car"])["class_iou"]
        # {"road": 0.5, "car": 0.5}
        ```
    """
    num_classes = len(class_names)
    if len(set(class_names)) < num_classes:
        raise ValueError(
            "`class_names` must have a different name for each class, since results "
            f"are given by name. Received: {class_names=}"
        )
    confusion = np.zeros((num_classes, num_classes + 1), "int64")
    ignored_pixels = labeled_images = seen = 0
    boundary_f1 = BoundaryF1(num_classes, ignore_class, boundary_tolerance)
    for labels, classes in pairs:
        labels, classes = np.asarray(labels), np.asarray(classes)
        confusion += confusion_matrix(labels, classes, num_classes, ignore_class)
        # Images that are ignored entirely only fill up batches, and do not count.
        ignored = np.isin(labels, ignored_labels(ignore_class))
        ignored = ignored.reshape(-1, np.prod(labels.shape[-2:], dtype=int))
        labeled = ~np.all(ignored, axis=1)
        seen += len(labeled)
        labeled_images += int(np.count_nonzero(labeled))
        ignored_pixels += int(np.count_nonzero(ignored[labeled]))
        if boundaries:
            size = (-1, *labels.shape[-2:])
            images = zip(labels.reshape(size), classes.reshape(size), strict=True)
            for image_labels, image_classes in images:
                boundary_f1.add(image_labels, image_classes)

    def by_name(values):
        return dict(zip(class_names, np.asarray(values).tolist(), strict=True))

    shares = ClassShares(
        tuple(class_names),
        confusion.sum(axis=1),
        ignored_pixels,
        labeled_images,
        labeled_images,
    )
    if ignored_pixels or (seen and not labeled_images):
        shares.check()
    elif seen:  # without ignored pixels, images of a single class are valid
        shares.warn_of_absent()
    if not confusion[:, -1].any():
        confusion = confusion[:, :-1]
    result = {
        "mean_iou": measures.mean_iou(confusion),
        "mean_accuracy": measures.mean_accuracy(confusion),
        "pixel_accuracy": measures.pixel_accuracy(confusion),
        "frequency_weighted_iou": measures.frequency_weighted_iou(confusion),
        "class_iou": by_name(measures.class_iou(confusion)),
        "class_accuracy": by_name(measures.class_accuracy(confusion)),
        "class_share": by_name(shares.shares),
        "ignored_share": shares.ignored_share,
        "confusion_matrix": confusion.tolist(),
    }
    if boundaries:
        result["boundary_f1"] = boundary_f1.result()
        result["class_boundary_f1"] = by_name(boundary_f1.class_f1())
    return result
