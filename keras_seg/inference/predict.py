import os
from typing import Any

import keras
from PIL import Image

from keras_seg.inference.predictor import predictor


def predict(model: keras.Model, images: Any, **options: Any) -> Any:
    """Predicts the class maps of one or several images of any size.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` from
            images in 0..255 to logits, or to a dict with "segmentation".
        images: one image, in any form that `keras_seg.data.read_image` reads: an array
            `(height, width, channels)` or `(height, width)` in 0..255, the path of an
            image file, its bytes, or a `PIL.Image.Image`. Or several images: an array
            `(batch, height, width, channels)`, or an iterable of images, whose sizes
            may differ.
        **options: `window`, `overlap`, `blending`, `scales` and `flip` of
            `prediction_model`; `value_range`, `max_pixels` and
            `return_probabilities` of `predictor`.

    Returns:
        The class map of one image, `(height, width)` at the image's own size: uint8, or
        int32 for more than 256 classes. A list of class maps for several images; use
        `predictor` to process many images one at a time. For a model of independent
        classes, a mask of 0 and 1 for each class instead of a class map: uint8
        `(height, width, classes)`. With `return_probabilities`, a
        pair for each image: the class map and the probabilities, float32
        `(height, width, classes)`.

    Raises:
        ValueError: See `predictor`.
        FileNotFoundError: If a path does not exist.

    Example:
        ```python
        classes = predict(model, "street.jpg")
        several = predict(model, ["a.jpg", "b.png"], window=(480, 480), flip=True)
        classes, probabilities = predict(model, "street.jpg", return_probabilities=True)
        confidence = probabilities.max(axis=-1)
        ```
    """
    label_map = predictor(model, **options)
    one = isinstance(images, (str, os.PathLike, bytes, bytearray, Image.Image))
    one = one or not (hasattr(images, "__iter__") or hasattr(images, "__getitem__"))
    if one or getattr(images, "ndim", 4) != 4:
        return label_map(images)
    return [label_map(image) for image in images]
