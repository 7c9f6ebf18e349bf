import numpy as np


def class_heights(dataset, rows=48):
    """Counts the pixels of each class at each height of the images.

    The images' heights may differ: each is divided into `rows` parts of equal height,
    and pixel row y of H counts in part floor(y * rows / H). Where H is no multiple of
    `rows`, some parts hold a pixel row more than others; where H is less, some parts
    stay empty. Ignored pixels do not count, and larger images count more.

    Args:
        dataset: A `SegmentationDataset`. All of its labels are read once.
        rows: int. The number of heights, a multiple of 3, so that the thirds of the
            images are sums of whole rows.

    Returns:
        int64 array `(rows, num_classes)` of pixels, the top of the images first.

    Example: `class_heights(StreetScenes(20)).reshape(3, 16, 9).sum(axis=1)` counts
    the classes in the upper, the middle and the lower third of 20 scenes.

    Raises:
        ValueError: If `rows` is not as above, or a label holds a value that is neither
            a class nor `dataset.ignore_class`.

    Reference: [Choi et al., 2020](https://arxiv.org/abs/2003.05128), section 1.
    """
    if not isinstance(rows, int) or rows < 1 or rows % 3:
        raise ValueError(
            f"`rows` must be a positive int and a multiple of 3. Received: {rows=}"
        )
    num_classes = dataset.num_classes
    counts = np.zeros(rows * num_classes, "int64")
    for index, (_, label) in enumerate(dataset):
        height, width = label.shape
        counted = label != dataset.ignore_class
        unknown = counted & ((label < 0) | (label >= num_classes))
        if unknown.any():
            raise ValueError(
                f"The label of image {index} must hold classes "
                f"0..{num_classes - 1} and the ignored {dataset.ignore_class} alone. "
                f"Received the values {np.unique(label[unknown])[:5].tolist()}"
            )
        row_of_pixel = np.arange(height)[:, None] * rows // height
        cells = (row_of_pixel * num_classes + label)[counted]
        counts += np.bincount(cells, minlength=len(counts))
    return counts.reshape(rows, num_classes)
