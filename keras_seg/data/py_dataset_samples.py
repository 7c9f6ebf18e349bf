import collections
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_seg.data.dataset import SegmentationDataset
from keras_seg.data.image_of_range import image_of_range
from keras_seg.data.label_of_shape import label_of_shape

_KEPT_BATCHES = 8


class PyDatasetSamples(SegmentationDataset):
    """Samples of a `keras.utils.PyDataset`, read by index.

    Reading a sample reads its whole batch; the last few batches stay in memory. If the
    pipelines shuffle, batches of one sample are the fastest.

    Args:
        batches: `keras.utils.PyDataset` whose items are a batch of images
            `(batch, height, width, channels)`, in 0..255, and a batch of labels
            `(batch, height, width)` or `(batch, height, width, 1)`; of independent
            classes, `(batch, height, width, num_classes)` of 0, 1 and `ignore_class`.
            All batches except the last must have the same size. It must not shuffle or
            augment, since the pipelines do.
        class_names: sequence of str. The names of class 0, class 1 and so on.
        palette: uint8 array `(num_classes, 3)`, or `None` for `default_palette`.
        ignore_class: int. The label of ignored pixels.
        independent_classes: bool. Whether a pixel may have any number of the classes.

    Raises:
        ValueError: If `batches` is empty or has sample weights, or if the first images
            have three channels and seem to be in 0..1. When reading, if a label has
            another shape or an image of three channels has values outside 0..255.

    Example:
        `train = PyDatasetSamples(MyPyDataset(batch_size=1), ("road", "car"))`
    """

    def __init__(
        self,
        batches: Any,
        class_names: Sequence[str],
        palette: Any = None,
        ignore_class: int = 255,
        independent_classes: bool = False,
    ):
        self.independent_classes = independent_classes
        super().__init__(class_names, palette, ignore_class)
        count = getattr(batches, "num_batches", None)
        self._num_batches = len(batches) if count is None else count
        if not self._num_batches:
            raise ValueError("`batches` must have at least one batch. Received: none.")
        self._batches = batches
        self._kept: collections.OrderedDict = collections.OrderedDict()
        self._lock = threading.Lock()
        images, _ = self._batch(0)
        self.channels = images.shape[-1]
        is_float = images.dtype.kind == "f"
        if self.channels == 3 and is_float and 0 < images.max() <= 1:
            raise ValueError(
                "`batches` must have RGB images in 0..255. Received: floats of at most "
                "1, which seem to be in 0..1: multiply by 255."
            )
        self._batch_size = len(images)
        self._len = (self._num_batches - 1) * self._batch_size + len(
            self._batch(self._num_batches - 1)[1]
        )
        self.image_dtype = "uint8" if images.dtype == np.uint8 else "float32"

    def __len__(self):
        return self._len

    def __getitem__(self, index):
        images, labels = self._batch(index // self._batch_size)
        place = index % self._batch_size
        label = label_of_shape(f"Label {index}", labels[place], self)
        image = image_of_range(f"Image {index}", images[place], self.image_dtype)
        return image, label

    def _batch(self, index):
        with self._lock:
            if index not in self._kept:
                images, labels, *weights = self._batches[index]
                if any(part is not None for part in weights):
                    raise ValueError(
                        "`batches` must return images and labels alone. Received: "
                        f"{2 + len(weights)} arrays. Instead of sample weights of 0, "
                        "label the pixels `ignore_class`."
                    )
                self._kept[index] = np.asarray(images), np.asarray(labels)
                if len(self._kept) > _KEPT_BATCHES:
                    self._kept.popitem(last=False)
            return self._kept[index]
