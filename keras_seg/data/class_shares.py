import dataclasses
import warnings
from collections.abc import Sequence

import numpy as np

from keras_seg.data.checked_label import checked_label
from keras_seg.data.dataset import SegmentationDataset


@dataclasses.dataclass(frozen=True)
class ClassShares:
    """Number of pixels of each class in the labels of a data set.

    Attributes:
        class_names: tuple of str.
        class_pixels: int64 array `(num_classes,)`. The pixels of each class.
        ignored_pixels: int. The pixels of no class.
        images: int. The number of labels that were counted.
        total: int. The number of labels in the data set.
        labeled_pixels: int64 array `(num_classes,)`. The pixels that are labeled as
            present or absent, if classes are independent; None if they are not.
    """

    class_names: tuple
    class_pixels: np.ndarray
    ignored_pixels: int
    images: int
    total: int
    labeled_pixels: np.ndarray | None = None

    @property
    def shares(self):
        """Share of each class in the labeled pixels, float64; 0 without any."""
        return self.class_pixels / np.maximum(self._labeled(), 1)

    @property
    def ignored_share(self):
        """Share of ignored pixels in all pixels, a float."""
        pixels = int(np.sum(self._labeled())) + self.ignored_pixels
        return self.ignored_pixels / max(pixels, 1)

    def _labeled(self):
        if self.labeled_pixels is None:
            return self.class_pixels.sum()
        return self.labeled_pixels

    def __str__(self):
        """Returns a table with a line for each class and one for the ignored pixels."""
        width = max(map(len, (*self.class_names, "ignored")))
        rows = [*zip(self.class_names, self.shares, strict=True)]
        lines = [f"{name:>{width}}  {_percent(share)}" for name, share in rows]
        ignored = f"{'ignored':>{width}}  {_percent(self.ignored_share)} of all pixels"
        seen = f"Classes in the labels of {self.images} of {self.total} images:"
        return "\n".join([seen, *lines, ignored])

    def check(self) -> None:
        """Raises an error unless there are two classes, and warns of absent classes.

        A single class is enough if classes are independent.

        Raises:
            ValueError: If all labeled pixels have one class, or no pixel has one.
        """
        found = np.flatnonzero(self.class_pixels)
        if len(found) < (2 if self.labeled_pixels is None else 1):
            left = f"{self.class_names[found[0]]!r} alone" if len(found) else "none"
            raise ValueError(
                f"Of {len(self.class_names)} classes, {left} is left in the labels of "
                f"{self.images} images; {self.ignored_share:.1%} of the pixels are "
                "ignored. If the files hold other values than the classes, such as "
                "masks of 0 and 255, map them to classes: label_map={0: 0, 255: 1} "
                "(--label-map 0:0,255:1). If another value marks ignored pixels, pass "
                "ignore_class (--ignore-class)." + self._background_message()
            )
        self.warn_of_absent()

    def _background_message(self):
        if self.labeled_pixels is not None:
            return ""
        return " The background is a class too, and needs a name."

    def warn_of_absent(self) -> None:
        """Warns of classes that never occur."""
        absent = [
            name
            for name, pixels in zip(self.class_names, self.class_pixels, strict=True)
            if not pixels
        ]
        if absent:
            plural = "es" if len(absent) > 1 else ""
            warnings.warn(
                f"Of {self.total} labels, {self.images} were counted, and none has the "
                f"class{plural} {', '.join(absent)}.",
                stacklevel=2,
            )


def class_shares(
    dataset: SegmentationDataset, images: int | None = None
) -> ClassShares:
    """Counts the classes in the labels of a data set.

    Labels are read without their images if the data set supports it.

    Args:
        dataset: `SegmentationDataset`.
        images: int or None. The number of labels to read, spread evenly over the data
            set. If they contain only one class, more labels are read until a second
            class is found. None reads all labels.

    Returns:
        `ClassShares`, which prints as a table. Its `check()` raises an error if there
        are fewer than two classes.

    Raises:
        ValueError: If a label holds a value that is neither a class nor
            `dataset.ignore_class`.

    Example:
        ```python
        shares = class_shares(train, images=64)
        print(shares)
        shares.check()
        ```
    """
    total = len(dataset)
    order: Sequence[int] = range(total)
    wanted = total if images is None else min(images, total)
    if wanted < total:
        first = np.linspace(0, total - 1, wanted).astype(int).tolist()
        order = [*dict.fromkeys([*first, *order])]
    independent = dataset.independent_classes
    counts = np.zeros((3, dataset.num_classes), "int64")
    seen = 0
    for index in order:
        if seen >= wanted and np.count_nonzero(counts[0]) > (0 if independent else 1):
            break
        counts += _count(dataset, index)
        seen += 1
    classes, labeled, ignored = counts
    return ClassShares(
        dataset.class_names,
        classes,
        int(ignored.sum()),
        seen,
        total,
        labeled if independent else None,
    )


def _count(dataset, index):
    """Returns the pixels of each class, and its labeled and ignored pixels, as rows.

    Unless classes are independent, all ignored pixels are counted for class 0.
    """
    label = checked_label(f"Label {index}", dataset.read_label(index), dataset)
    ignored = label == dataset.ignore_class
    if dataset.independent_classes:
        planes = label == 1, ~ignored, ignored
        return np.array([np.count_nonzero(x, axis=(0, 1)) for x in planes])
    counts = np.zeros((3, dataset.num_classes), "int64")
    counts[0] = np.bincount(label[~ignored], minlength=dataset.num_classes)
    counts[2, 0] = np.count_nonzero(ignored)
    return counts


def _percent(share):
    return f"{share:7.2%}" if share == 0 or share >= 1e-4 else "< 0.01%"
