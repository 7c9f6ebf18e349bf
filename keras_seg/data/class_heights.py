import numpy as np

from keras_seg.data.dataset import SegmentationDataset


def class_heights(dataset: SegmentationDataset, rows: int = 48) -> np.ndarray:
    """Counts the pixels of each class at each height of the images.

    Images may have different heights. Each is divided into `rows` parts of equal
    height; pixel row y of H counts in part floor(y * rows / H). If H is not a multiple
    of `rows`, some parts hold one pixel row more than others; if H is smaller than
    `rows`, some parts stay empty. Ignored pixels are not counted, and larger images
    contribute more pixels. If classes are independent, a pixel counts for each class
    whose label is 1.

    Args:
        dataset: `SegmentationDataset`. Each of its labels is read once, without its
            image if the data set supports it.
        rows: int. The number of parts, a multiple of 3, so that each third of an image
            consists of whole parts.

    Returns:
        int64 array `(rows, num_classes)` of pixel counts, from the top of the images to
        the bottom.

    Raises:
        ValueError: If `rows` is not a positive multiple of 3, or a label holds a value
            that is neither a class nor `dataset.ignore_class`.

    Example:
        `class_heights(StreetScenes(20)).reshape(3, 16, 9).sum(axis=1)` counts the
        classes in the upper, middle and lower third of 20 scenes.

    References:
        [Choi et al., 2020](https://arxiv.org/abs/2003.05128), section 1
    """
    if not isinstance(rows, int) or rows < 1 or rows % 3:
        raise ValueError(f"`rows` must be a positive multiple of 3. Received: {rows=}")
    counts = np.zeros((rows, dataset.num_classes), "int64")
    for index in range(len(dataset)):
        label = np.asarray(dataset.read_label(index))
        counted = label != dataset.ignore_class
        unknown = counted & ((label < 0) | (label >= dataset.num_labels))
        if label.dtype.kind == "f":
            unknown |= counted & (label != np.floor(label))
        if unknown.any():
            raise ValueError(
                f"The label of image {index} must hold only the values "
                f"0..{dataset.num_labels - 1} and the ignored {dataset.ignore_class}. "
                f"Received the values {np.unique(label[unknown])[:5].tolist()}"
            )
        label = label.astype("int64")  # bincount takes no floats
        row_of_pixel = np.arange(len(label)) * rows // len(label)
        if dataset.independent_classes:
            np.add.at(counts, row_of_pixel, np.count_nonzero(label == 1, axis=1))
        else:
            cells = (row_of_pixel[:, None] * dataset.num_classes + label)[counted]
            found = np.bincount(cells, minlength=counts.size)
            counts += found.reshape(counts.shape)
    return counts
