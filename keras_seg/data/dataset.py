import abc
import operator
from collections.abc import Mapping, Sequence, Set

import numpy as np
from numpy.typing import ArrayLike

from keras_seg.data.palette import default_palette


class SegmentationDataset(abc.ABC):
    """Base class of data sets: images with a class for every pixel, read by index.

    A custom data set implements `__len__` and `__getitem__`, which is all that the
    pipelines, the evaluation and the plots of this package need. `__getitem__` must
    depend on the index alone, since the pipelines read in parallel and in any order.

    Args:
        class_names: sequence of str. The names of class 0, class 1 and so on.
        palette: uint8 array `(num_classes, 3)`, the RGB color of each class, or `None`
            for `default_palette`.
        ignore_class: int. The label of ignored pixels, which belong to no class and do
            not contribute to losses and metrics.

    Attributes:
        class_names: tuple of str.
        palette: uint8 array `(num_classes, 3)`.
        ignore_class: int.
        num_classes: int. The number of names.
        channels: int. The number of image channels, 3 unless a data set sets another.
        image_dtype: "uint8", or "float32" for images of more than 8 bits, if a data set
            sets it.
        independent_classes: bool, False unless a data set sets it. Whether a pixel may
            have any number of the classes, so that its label is a mask for each class.
        num_labels: int. Labels that are not ignored are in 0..`num_labels - 1`:
            `num_classes`, or 2 for independent classes.
        label_table: int32 array `(256,)` that maps each value in the labels of
            `read_encoded` to its class or `ignore_class`, or to -1 if the value is an
            error; `None` without `read_encoded`.

    Raises:
        ValueError: If there are no names, if `palette` has another shape or values
            other than integers in 0..255, or if `ignore_class` is one of the classes.

    Example:
        ```python
        class Checks(SegmentationDataset):
            def __init__(self):
                super().__init__(class_names=("dark", "light"))

            def __len__(self):
                return 4

            def __getitem__(self, index):
                label = np.indices((8, 10)).sum(axis=0) % 2
                return np.uint8(label[..., None] * [255, 240, 230]), np.uint8(label)
        ```
    """

    channels = 3
    image_dtype = "uint8"
    independent_classes = False
    label_table: np.ndarray | None = None

    def __init__(
        self,
        class_names: Sequence[str],
        palette: ArrayLike | None = None,
        ignore_class: int = 255,
    ) -> None:
        # Sets have no order, and the order of a dict may not be that of the classes.
        is_unordered = isinstance(class_names, (str, Set, Mapping))
        if is_unordered or not all(isinstance(name, str) for name in class_names):
            raise ValueError(
                "`class_names` must be a sequence of strings, one for each class. "
                f"Received: {class_names=}"
            )
        self.class_names = tuple(class_names)
        if len(set(self.class_names)) < self.num_classes:
            raise ValueError(
                "`class_names` must have a different name for each class, since "
                f"results are given by name. Received: {class_names=}"
            )
        if not self.class_names:
            raise ValueError(
                "`class_names` must hold at least one name. Received: none."
            )
        self.ignore_class = self._checked_ignore_class(ignore_class)
        if palette is None:
            palette = default_palette(self.num_classes)
        palette = np.asarray(palette)
        if palette.shape != (self.num_classes, 3):
            raise ValueError(
                f"`palette` must have the shape ({self.num_classes}, 3), one RGB "
                f"color for each class name. Received the shape {palette.shape}"
            )
        if palette.min() < 0 or palette.max() > 255:
            raise ValueError(
                "`palette` must hold values in 0..255. Received values in "
                f"{palette.min()}..{palette.max()}"
            )
        is_float = palette.dtype.kind == "f"
        if is_float and (0 < palette.max() <= 1 or (palette % 1).any()):
            raise ValueError(
                "`palette` must hold integers in 0..255. Received: floats in "
                f"{palette.min()}..{palette.max()}. If white is 1, multiply by 255."
            )
        self.palette = palette.astype("uint8")

    def _checked_ignore_class(self, ignore_class):
        try:
            if operator.index(ignore_class) >= self.num_labels:
                return operator.index(ignore_class)
        except TypeError:
            pass
        message = (
            "`ignore_class` must be a positive integer and none of the classes "
            f"0..{self.num_labels - 1}. Received: {ignore_class=}"
        )
        if ignore_class == 255 < self.num_labels:
            message += ". Pass a larger one, such as 65535 (--ignore-class)"
        elif ignore_class in range(self.num_labels):
            message += (
                f". If files mark ignored pixels by {ignore_class}, keep 255 here and "
                "map the values of files to classes, such as label_map={0: 255, 1: 0, "
                "2: 1} (--label-map 0:255,1:0,2:1)"
            )
        raise ValueError(message)

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def num_labels(self) -> int:
        return 2 if self.independent_classes else self.num_classes

    def label_shape(self, height: int, width: int) -> tuple[int, ...]:
        """Returns the shape of the label of an image of a size."""
        classes = (self.num_classes,) if self.independent_classes else ()
        return height, width, *classes

    @abc.abstractmethod
    def __len__(self):
        """Returns the number of images."""

    @abc.abstractmethod
    def __getitem__(self, index):
        """Reads one image and its label.

        Args:
            index: int in 0..`len(self) - 1`.

        Returns:
            The image, `(height, width, channels)` of `image_dtype`, in 0..255 and RGB
            if there are 3 channels; and its label, uint8 or int32 `(height, width)`, of
            classes and `ignore_class`. The label of independent classes is `(height,
            width, num_classes)`, of 0, 1 and `ignore_class`.
        """

    def read_label(self, index: int) -> np.ndarray:
        """Reads the label of one image, which equals `self[index][1]`.

        Data sets that can read labels without images override this method.
        """
        return self[index][1]

    def read_encoded(self, index: int) -> tuple[bytes, bytes] | None:
        """Reads the files of one image, for TensorFlow to decode.

        Data sets of files implement it in addition to `self[index]`, with which it must
        agree, to make the pipelines faster.

        Returns:
            Pair of bytes: an 8-bit PNG or JPEG, and an 8-bit gray PNG whose values
            `label_table` translates; or None if this image must be read by
            `self[index]`.
        """
        return None

    def __iter__(self):
        return (self[index] for index in range(len(self)))
