import concurrent.futures
import os
import weakref

import numpy as np

from keras_seg.data.dataset import SegmentationDataset

_COUNTED: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def class_pixels(dataset: SegmentationDataset) -> np.ndarray:
    """Counts the pixels of each class in each image of a data set.

    Several threads read each label once, without its image if the data set supports it
    (`SegmentationDataset.read_label`). Later calls with the same data set return the
    same array.

    Args:
        dataset: `SegmentationDataset`.

    Returns:
        read-only int64 array `(num_images, num_classes)`. Pixels whose label is not a
        class, such as ignored ones, are not counted.

    Example:
        `class_pixels(dataset).sum(axis=0)` is the number of pixels of each class.
    """
    if dataset not in _COUNTED:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
            rows = list(
                threads.map(
                    lambda index: _count(dataset, dataset.read_label(index)),
                    range(len(dataset)),
                )
            )
        counts = np.array(rows, "int64").reshape(len(rows), dataset.num_classes)
        counts.flags.writeable = False
        _COUNTED[dataset] = counts
    return _COUNTED[dataset]


def _count(dataset, label):
    if dataset.independent_classes:
        return np.count_nonzero(label == 1, axis=(0, 1))
    num_classes = dataset.num_classes
    label = np.ravel(label)
    if label.dtype != np.uint8:  # bincount rejects negative values
        label = label[(label >= 0) & (label < num_classes)]
    if label.dtype.kind == "f":
        label = label[label == np.floor(label)].astype("int64")
    return np.bincount(label, minlength=num_classes)[:num_classes]
