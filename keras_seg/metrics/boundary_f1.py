import math

import numpy as np

from keras_seg.ops.labels import ignored_labels, unknown_label_message

_SHARE_OF_DIAGONAL = 0.0075
_INSIDE = -1  # of the maps of boundaries: no boundary, or ignored


class BoundaryF1:
    """How well predicted boundaries follow those of the labels, image by image.

    In an image, a pixel lies on the boundary of its class if one of its four
    neighbours has another class. Ignored pixels lie on none and make none, in the
    prediction either, where the labels are ignored; nor does the edge of the image. A
    predicted boundary pixel of a class is right if the labels have a boundary pixel of
    that class within the tolerance, and one of the labels is found if the prediction
    has one; distances are Euclidean, between the centres of pixels. Precision is the
    share of the predicted ones that are right, recall the share of the labels' that are
    found, and F1 is 2 * precision * recall / (precision + recall), so 0 where just one
    of the two has the class, and where nothing agrees. A class without boundary in both
    has no F1 in this image.

    `class_f1` is the mean of a class's F1 over the images that have one; `result` is
    the mean over the images of the mean over their classes, by which no image counts
    more for its size. Images without any boundary, ignored ones for instance, do not
    count.

    Args:
        num_classes: int.
        ignore_class: int, tuple of ints, or None: the labels that do not count.
        tolerance: float, in pixels, 0 or more; or None for 0.75 % of each image's
            diagonal, which are 17.2 pixels of 1024 x 2048.

    Raises:
        ValueError: If `tolerance` is below 0 or not finite.

    Example:

    ```python
    metric = BoundaryF1(num_classes=2, tolerance=1)
    metric.add([[0, 0, 1, 1, 1]], [[0, 0, 0, 1, 1]])  # a pixel beside
    metric.result()  # 1.0
    ```

    Reference: Csurka et al., "What is a good evaluation measure for semantic
    segmentation?", BMVC 2013. The contour measure F of Perazzi et al., "A benchmark
    dataset and evaluation methodology for video object segmentation", CVPR 2016, is
    the like for one object, but rounds its tolerance up to whole pixels.
    """

    def __init__(self, num_classes, ignore_class=255, tolerance=None):
        if tolerance is not None and not 0 <= tolerance < math.inf:
            raise ValueError(
                "`tolerance` must be a number of pixels, 0 or more, or None for 0.75 % "
                f"of the diagonal. Received: {tolerance=}"
            )
        self.num_classes = num_classes
        self.ignored = ignored_labels(ignore_class)
        self.tolerance = tolerance
        self._class_sums = np.zeros(num_classes)
        self._class_images = np.zeros(num_classes, "int64")
        self._sum, self._images = 0.0, 0

    def add(self, labels, classes):
        """Counts an image.

        Args:
            labels: integer array `(height, width)`.
            classes: integer array of that shape, what was predicted. What is no class
                has no boundary of its own, but its neighbours have one there.

        Raises:
            ValueError: If a label is neither a class nor ignored.
        """
        labels, classes = (np.asarray(x).astype("int32") for x in (labels, classes))
        is_class = (classes >= 0) & (classes < self.num_classes)
        classes = np.where(is_class, classes, self.num_classes)
        ignored = np.isin(labels, self.ignored)
        unknown = ~ignored & ((labels < 0) | (labels >= self.num_classes))
        if unknown.any():
            values = np.unique(labels[unknown])[:5].tolist()
            raise ValueError(
                unknown_label_message(values, self.ignored, self.num_classes)
            )
        tolerance = self.tolerance
        if tolerance is None:
            tolerance = _SHARE_OF_DIAGONAL * math.hypot(*labels.shape)
        expected, found = (_boundaries(x, ignored) for x in (labels, classes))
        recalled, in_labels = self._shares(expected, found, tolerance)
        right, in_prediction = self._shares(found, expected, tolerance)
        f1 = 2 * right * recalled / np.where(right + recalled > 0, right + recalled, 1)
        present = in_labels | in_prediction
        self._class_sums += np.where(present, f1, 0)
        self._class_images += present
        if present.any():
            self._sum += f1[present].mean()
            self._images += 1

    def class_f1(self):
        """F1 by class, float64 `(num_classes,)`, nan for those without boundaries."""
        images = np.where(self._class_images > 0, self._class_images, np.nan)
        return self._class_sums / images

    def result(self):
        """The mean over the images, a float; nan where no image has a boundary."""
        return self._sum / self._images if self._images else math.nan

    def _shares(self, boundaries, others, tolerance):
        """Of each class, the share of boundary pixels that others are near to.

        Returns:
            Pair of float64 and bool arrays `(num_classes,)`: the shares, 0 where there
            are no pixels, and whether there are some.
        """
        # A pixel's class, row and column in one number, and so far from those of the
        # next row and class that nothing within the tolerance gets there. The others
        # of its class that are near in a row are then a range of such numbers.
        reach = int(tolerance)
        shape = self.num_classes + 1, *(side + reach for side in boundaries.shape)
        keys, near = (_keys(x, shape) for x in (boundaries, others))
        classes = keys // (shape[1] * shape[2])
        pixels = self._count(classes)
        near = np.append(np.sort(near), np.iinfo("int64").max)
        for row in sorted(range(-reach, reach + 1), key=abs):
            columns = range(1, reach + 1)
            width = sum(math.hypot(row, column) <= tolerance for column in columns)
            middles = keys + row * shape[2]
            # Those that find one drop out: most do so within their own row.
            alone = near[np.searchsorted(near, middles - width)] > middles + width
            keys, classes = keys[alone], classes[alone]
        missed = self._count(classes)
        return (pixels - missed) / np.maximum(pixels, 1), pixels > 0

    def _count(self, classes):
        # Without those that are no class.
        return np.bincount(classes, minlength=self.num_classes)[: self.num_classes]


def _boundaries(classes, ignored):
    """The class of each pixel that lies on its boundary, -1 elsewhere."""
    classes = np.where(ignored, _INSIDE, classes)
    is_boundary = np.zeros(classes.shape, bool)
    for first, second in (
        (np.s_[1:], np.s_[:-1]),
        (np.s_[:, 1:], np.s_[:, :-1]),
    ):
        differ = classes[first] != classes[second]
        differ &= (classes[first] != _INSIDE) & (classes[second] != _INSIDE)
        is_boundary[first] |= differ
        is_boundary[second] |= differ
    return np.where(is_boundary, classes, _INSIDE)


def _keys(boundaries, shape):
    """What `_shares` makes of a map of boundaries, an int64 for each pixel of them."""
    rows, columns = np.nonzero(boundaries != _INSIDE)
    return np.ravel_multi_index((boundaries[rows, columns], rows, columns), shape)
