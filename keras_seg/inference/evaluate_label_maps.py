import numpy as np

from keras_seg.data import ClassShares
from keras_seg.metrics import BoundaryF1, confusion_matrix, measures
from keras_seg.ops.labels import ignored_labels


def evaluate_label_maps(
    pairs, class_names, ignore_class=255, boundaries=True, boundary_tolerance=None
):
    """Compares label maps with predicted ones, one after the other.

    What `evaluate` does with a model's predictions, for those that are there already,
    in files of another program for instance. The measures are those of
    `keras_seg.metrics.measures`, of one confusion matrix of all images' pixels; so
    they are those of Cityscapes' evaluation code, to the last digit.

    Args:
        pairs: iterable of `(labels, classes)`, integer arrays `(height, width)` or
            `(batch, height, width)`: the classes and ignored labels of an image, and
            what was predicted. A prediction that is no class is wrong, and counts as
            no other class.
        class_names: sequence of str, one for each class.
        ignore_class: int, tuple of ints, or None: the labels that do not count.
        boundaries: bool. Whether to work out the boundary F1 too, which takes longer
            than all else.
        boundary_tolerance: float, in pixels, or None for 0.75 % of each image's
            diagonal.

    Returns:
        dict of

        - "mean_iou", "mean_accuracy", "pixel_accuracy", "frequency_weighted_iou":
          floats in 0..1;
        - "class_iou", "class_accuracy": `{class name: float}`;
        - "boundary_f1", a float, and "class_boundary_f1", by name: see `BoundaryF1`;
          not with `boundaries=False`;
        - "class_share", by name: the class's share of the labelled pixels that count;
          "ignored_share", a float: the share of the pixels that are ignored, in the
          images that have labels;
        - "confusion_matrix": list of lists of int, a row for each class of the labels,
          a column for each one that was predicted, and where predictions are no class
          a last column of these.

        What has no pixels is nan and does not count in means; `write_evaluation` makes
        that null.

    Raises:
        ValueError: If fewer than two classes are left beside ignored pixels, if two
            classes have one name, if a label is neither a class nor ignored, if shapes
            differ, or as `BoundaryF1`.

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
            "`class_names` must have another name for each class, by which the result "
            f"is read. Received: {class_names=}"
        )
    confusion = np.zeros((num_classes, num_classes + 1), "int64")
    ignored_pixels = labelled_images = seen = 0
    boundary_f1 = BoundaryF1(num_classes, ignore_class, boundary_tolerance)
    for labels, classes in pairs:
        labels, classes = np.asarray(labels), np.asarray(classes)
        confusion += confusion_matrix(labels, classes, num_classes, ignore_class)
        # Not those that are ignored throughout, which fill up batches.
        ignored = np.isin(labels, ignored_labels(ignore_class))
        ignored = ignored.reshape(-1, np.prod(labels.shape[-2:], dtype=int))
        labelled = ~ignored.all(axis=1)
        seen += len(labelled)
        labelled_images += np.count_nonzero(labelled)
        ignored_pixels += np.count_nonzero(ignored[labelled])
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
        labelled_images,
        labelled_images,
    )
    if ignored_pixels or (seen and not labelled_images):
        shares.check()
    elif seen:  # without ignored pixels, an image of one class is in order
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
