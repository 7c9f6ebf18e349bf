import keras
import numpy as np
from PIL import Image

from keras_seg.data.dataset import SegmentationDataset
from keras_seg.inference.predict import predict
from keras_seg.positive_integer import require_positive_integer
from keras_seg.visualization.comparison import comparison
from keras_seg.visualization.visible import visible


def sample_predictions(
    model: keras.Model, data_set: SegmentationDataset, count: int = 4
) -> np.ndarray:
    """Draws images of a data set next to their labels and a model's predictions.

    The images are sampled evenly from the data set and resized to the first one.

    Args:
        model: a model of `keras_seg.models`; see `keras_seg.inference.predict`.
        data_set: `SegmentationDataset` with at least one image.
        count: int. The number of images, or all images if there are fewer.

    Returns:
        uint8 array `(rows, columns, 3)`; see `comparison`.

    Raises:
        ValueError: If `count` is not a positive integer, or if there are no images.

    Example:
        ```python
        from PIL import Image

        Image.fromarray(sample_predictions(model, val)).save("a.png")
        ```
    """
    count = min(require_positive_integer("count", count), len(data_set))
    if not count:
        raise ValueError("`data_set` must have at least one image. Received none")
    indices = np.linspace(0, len(data_set) - 1, count).astype(int)
    images, labels = zip(*(data_set[int(index)] for index in indices), strict=True)
    classes = predict(model, list(images), value_range=255)
    height, width = labels[0].shape[:2]

    def resize(array, resample):
        picture = Image.fromarray(np.asarray(array))
        return np.asarray(picture.resize((width, height), resample))

    def resize_label(label):
        label = np.asarray(label, "int32")
        if label.ndim == 3:  # masks of independent classes
            masks = [resize_label(mask) for mask in np.moveaxis(label, -1, 0)]
            return np.stack(masks, axis=-1)
        return resize(label, Image.Resampling.NEAREST)

    return comparison(
        [resize(visible(image), Image.Resampling.BILINEAR) for image in images],
        [resize_label(label) for label in labels],
        [resize_label(label) for label in classes],
        data_set.palette,
        data_set.class_names,
    )
