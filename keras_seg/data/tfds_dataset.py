from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_seg.data.dataset import SegmentationDataset
from keras_seg.data.image_of_range import image_of_range
from keras_seg.data.label_of_shape import label_of_shape
from keras_seg.data.read_label import whole_numbers
from keras_seg.data.record_files import read_record, record_places


class TFDSDataset(SegmentationDataset):
    """A split of a `tensorflow_datasets` data set, read by index.

    The data set must be prepared (`builder.download_and_prepare()`), as TFRecord files
    or in a random-access format (`file_format="array_record"`).

    Args:
        builder: `tfds.core.DatasetBuilder`, such as `tfds.builder("oxford_iiit_pet")`.
        split: str, a split of the builder or a part of one, such as "train[:90%]".
        class_names: sequence of str. The names of class 0, class 1 and so on.
        palette: uint8 array `(num_classes, 3)`, or `None` for `default_palette`.
        ignore_class: int. The label of ignored pixels.
        label_map: dict `{value: class or ignore_class}`, or `None` if the labels hold
            the classes. Values that it does not list are errors, except for
            `ignore_class`. The classes of independent classes are 0 (absent) and 1.
        image_key: str. The feature of the images, in 0..255; 16 bits are divided by
            257, as in `read_image`.
        label_key: str. The feature of the labels, `(height, width)` or `(height, width,
            1)`; of independent classes, `(height, width, num_classes)`.
        independent_classes: bool. Whether a pixel may have any number of the classes.

    Raises:
        ValueError: If the builder lacks a feature or the split. When reading, if a
            label has another shape or holds a value that is neither a class nor
            `ignore_class`, or if an image of three channels has values outside
            0..255.

    Example:
        ```python
        import tensorflow_datasets as tfds

        builder = tfds.builder("oxford_iiit_pet")
        builder.download_and_prepare()
        names, values = ("pet", "background", "border"), {1: 0, 2: 1, 3: 2}
        train = TFDSDataset(builder, "train", names, label_map=values)
        ```
    """

    def __init__(
        self,
        builder: Any,
        split: str,
        class_names: Sequence[str],
        palette: ArrayLike | None = None,
        ignore_class: int = 255,
        label_map: Mapping[int, int] | None = None,
        image_key: str = "image",
        label_key: str = "segmentation_mask",
        independent_classes: bool = False,
    ) -> None:
        self.independent_classes = independent_classes
        super().__init__(class_names, palette, ignore_class)
        features = builder.info.features
        for key in (image_key, label_key):
            if key not in features:
                raise ValueError(
                    f"`builder` must have the features {image_key!r} and "
                    f"{label_key!r} (`image_key`, `label_key`). Received: "
                    f"{', '.join(features)}"
                )
        if split.partition("[")[0] not in builder.info.splits:
            raise ValueError(
                f"`split` must be one of {', '.join(builder.info.splits)}, or a part "
                f"of one. Received: {split=}"
            )
        self.channels = features[image_key].shape[-1]
        self.image_dtype = (
            "uint8" if features[image_key].np_dtype == np.uint8 else "float32"
        )
        self._keys = image_key, label_key
        self._examples = _examples(builder, split)
        self._label_map = label_map

    def __len__(self):
        return len(self._examples)

    def __getitem__(self, index):
        example = self._examples[index]
        image, label = (np.asarray(example[key]) for key in self._keys)
        if image.dtype == np.uint16:  # as `read_image` does
            image = (image / 257).astype("float32")
        image = image_of_range(f"Image {index}", image, self.image_dtype)
        label = label_of_shape(f"Label {index}", label, self)
        return image, self._classes(whole_numbers(f"Label {index}", label), index)

    def _classes(self, label, index):
        classes = self._label_map
        if classes is None:
            classes = {value: value for value in range(self.num_labels)}
        classes = {self.ignore_class: self.ignore_class, **classes}
        values, places = np.unique(label, return_inverse=True)
        unknown = [int(value) for value in values if int(value) not in classes]
        if unknown:
            raise ValueError(
                f"Label {index} holds the values {unknown[:5]}, which are neither "
                f"classes (0..{self.num_labels - 1}) nor the ignored "
                f"{self.ignore_class}. `label_map` translates values."
            )
        found = np.array([classes[int(value)] for value in values], "int32")
        return found[places].reshape(label.shape)


def _examples(builder, split):
    """Returns the examples of a split as a sequence of dicts of arrays."""
    if builder.info.file_format.value == "tfrecord":
        return _Records(builder.info.features, builder.info.splits[split])
    return builder.as_data_source(split)


class _Records:
    """Examples in the TFRecord files of `tensorflow_datasets`."""

    def __init__(self, features, split):
        self.features, self.places = features, []
        for part in split.file_instructions:
            end = None if part.take < 0 else part.skip + part.take
            places = record_places(part.filename)[part.skip : end].tolist()
            self.places += [(part.filename, *place) for place in places]

    def __len__(self):
        return len(self.places)

    def __getitem__(self, index):
        return self.features.deserialize_example_np(read_record(*self.places[index]))
