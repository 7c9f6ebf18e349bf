import numpy as np

from keras_seg.ops.labels import unknown_label_message


def checked_label(name, label, dataset):
    """Returns the label of a data set as int32.

    Raises:
        ValueError: If a value is neither a class nor ignored, such as 0.5 or 2^40,
            which a cast would turn into a class; the error begins with `name`.
    """
    label = np.asarray(label)
    unknown = (label < 0) | (label >= dataset.num_labels)
    unknown &= label != dataset.ignore_class
    if label.dtype.kind == "f":
        unknown |= label != np.floor(label)
    if unknown.any():
        values = np.unique(label[unknown])[:5].tolist()
        message = unknown_label_message(
            values, dataset.ignore_class, dataset.num_labels
        )
        raise ValueError(f"{name}: {message}")
    return label.astype("int32")
