import numpy as np


def label_of_shape(name, label, dataset):
    """Returns a label in the shape that its data set states.

    A single channel is removed, unless the classes are independent.

    Args:
        name: str. The name of the label, with which an error begins.
        label: array `(height, width)` or `(height, width, channels)`.
        dataset: `SegmentationDataset`.

    Raises:
        ValueError: If the label has another shape.
    """
    label = np.asarray(label)
    shape = dataset.label_shape(*label.shape[:2])
    if label.shape == (*shape, 1):
        label = label[..., 0]
    if label.shape == shape:
        return label
    if dataset.independent_classes:
        raise ValueError(
            f"{name} must have a channel for each of the {dataset.num_classes} "
            f"independent classes, (height, width, {dataset.num_classes}). Received "
            f"the shape {label.shape}"
        )
    raise ValueError(
        f"{name} must be (height, width) or (height, width, 1). Received the shape "
        f"{label.shape}. If a pixel may have any number of the classes, pass "
        "independent_classes=True; if each has one, pass `label.argmax(-1)`."
    )
