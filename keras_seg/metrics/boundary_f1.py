import math

import numpy as np
from numpy.typing import ArrayLike

from keras_seg.ops.labels import ignored_labels, unknown_label_message
from keras_seg.positive_integer import require_positive_integer
from keras_seg.typing import IgnoreClass

_SHARE_OF_DIAGONAL = 0.0075
_INSIDE = -1  # marks pixels that are ignored or not on a boundary


class BoundaryF1:
    """Boundary F1: agreement of the boundaries in labels and predictions.

    A pixel lies on the boundary of its class if one of its four neighbors has another
    class. The edge of the image is not a boundary, and pixels with ignored labels
    neither lie on a boundary nor form one, in the prediction either.

    A predicted boundary pixel is correct if the labels have a boundary pixel of the
    same class within the tolerance, and a boundary pixel of the labels is found if the
    prediction has one. Distances are Euclidean, between pixel centers. Precision is the
    share of predicted boundary pixels that are correct, recall the share of the labels'
    boundary pixels that are found, and F1 is `2 * precision * recall / (precision +
    recall)`. It is 0 if only the labels or only the prediction contain the class's
    boundary. A class without a boundary in both has no F1 in the image.

    `class_f1` averages the F1 of a class over the images that have one. `result`
    averages over the classes of each image and then over images, so that large images
    do not count more. Images without any boundary are left out.

    Args:
        num_classes: int.
        ignore_class: int, tuple of ints, or None. Pixels with such a label are ignored.
        tolerance: float of at least 0, in pixels; or None for 0.75 % of each image's
            diagonal, which is 17.2 pixels for 1024 x 2048.

    Raises:
        ValueError: If `num_classes` is not a positive integer, or if `tolerance` is
            negative or not finite.

    Example:
        ```python
        metric = BoundaryF1(num_classes=2, tolerance=1)
        metric.add([[0, 0, 1, 1, 1]], [[0, 0, 0, 1, 1]])  # off by one pixel
        metric.result()  # 1.0
        ```

    References:
        Csurka et al., "What is a good evaluation measure for semantic segmentation?",
        BMVC 2013. The contour measure F of Perazzi et al., "A benchmark dataset and
        evaluation methodology for video object segmentation", CVPR 2016, is similar for
        a single object, but rounds its tolerance up to whole pixels.
    """

    def __init__(
        self,
        num_classes: int,
        ignore_class: IgnoreClass = 255,
        tolerance: float | None = None,
    ) -> None:
        if tolerance is not None and not 0 <= tolerance < math.inf:
            raise ValueError(
                "`tolerance` must be at least 0, in pixels, or None for 0.75 % "
                f"of the diagonal. Received: {tolerance=}"
            )
        self.num_classes = require_positive_integer("num_classes", num_classes)
        self.ignored = ignored_labels(ignore_class)
        self.tolerance = tolerance
        self._class_sums = np.zeros(self.num_classes)
        self._class_images = np.zeros(self.num_classes, "int64")
        self._sum, self._images = 0.0, 0

    def add(self, labels: ArrayLike, classes: ArrayLike) -> None:
        """Adds an image.

        Args:
            labels: integer array `(height, width)`.
            classes: integer array of that shape, the predicted class map. Values that
                are not classes have no boundary of their own, but bound their
                neighbors.

        Raises:
            ValueError: If the arrays differ in shape or do not have rank 2, if
                `classes` are not integers, or if a label is neither a class nor
                ignored.
        """
        labels, classes = np.asarray(labels), np.asarray(classes)
        _check(labels, classes)
        is_class = (classes >= 0) & (classes < self.num_classes)
        classes = np.where(is_class, classes, self.num_classes).astype("int32")
        ignored = np.isin(labels, self.ignored)
        unknown = ~ignored & ~np.isin(labels, range(self.num_classes))
        if unknown.any():
            values = np.unique(labels[unknown])[:5].tolist()
            raise ValueError(
                unknown_label_message(values, self.ignored, self.num_classes)
            )
        labels = labels.astype("int32")
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

    def class_f1(self) -> np.ndarray:
        """Returns the F1 by class, float64 `(num_classes,)`; NaN without boundaries."""
        images = np.where(self._class_images > 0, self._class_images, np.nan)
        return self._class_sums / images

    def result(self) -> float:
        """Returns the mean over the images, a float; NaN if no image has a boundary."""
        return self._sum / self._images if self._images else math.nan

    def _shares(self, boundaries, others, tolerance):
        """Returns the share of each class's boundary pixels that are near others.

        Returns:
            Pair of a float64 and a bool array `(num_classes,)`: the shares, 0 for
            classes without boundary pixels, and whether a class has any.
        """
        # Encodes class, row and column as one key. Keys of different rows and classes
        # differ by more than the tolerance, so the others of the same class that are
        # near within one row are a range of keys.
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
            # Drops pixels that found a match; most find one within their own row.
            alone = near[np.searchsorted(near, middles - width)] > middles + width
            keys, classes = keys[alone], classes[alone]
        missed = self._count(classes)
        return (pixels - missed) / np.maximum(pixels, 1), pixels > 0

    def _count(self, classes):
        # Leaves out values that are not classes.
        return np.bincount(classes, minlength=self.num_classes)[: self.num_classes]


def _check(labels, classes):
    if labels.ndim != 2 or labels.shape != classes.shape:
        raise ValueError(
            "`labels` and `classes` must be (height, width), of the same shape. "
            f"Received: {labels.shape} and {classes.shape}"
        )
    if classes.dtype.kind not in "iub":
        raise ValueError(
            "`classes` must be an integer array, the class of each pixel. Received the "
            f"dtype {classes.dtype}"
        )


def _boundaries(classes, ignored):
    """Returns the class of each boundary pixel, and -1 elsewhere."""
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
    """Returns the int64 keys of the boundary pixels; see `_shares`."""
    rows, columns = np.nonzero(boundaries != _INSIDE)
    return np.ravel_multi_index((boundaries[rows, columns], rows, columns), shape)
