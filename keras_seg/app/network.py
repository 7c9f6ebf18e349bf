import threading
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from keras_seg.data import default_palette


class Network:
    """Trained model in any format, which predicts one image at a time.

    `open_network` creates one from a file. Calls from several threads wait for each
    other, so that memory is that of one image.

    Args:
        name: str. Name of the network on the page.
        predict: function `(image, **options) -> class map`, from uint8 `(height, width,
            3)` to integers `(height, width)`, or to masks of 0 and 1 `(height, width,
            num_classes)` of independent classes; `options` are those of `predictor`.
        num_classes: int. Number of classes.
        class_names: sequence of str, one for each class, or None for numbers.
        palette: uint8 array `(num_classes, 3)`, RGB, or None for `default_palette`.
        model: the `keras.Model`, for its intermediate outputs; None for exported files.
        independent_classes: bool. Whether a pixel may have any number of the classes.

    Raises:
        ValueError: If the number of names or colors is not the number of classes.

    Example:
        `Network("sky", lambda image: np.zeros(image.shape[:2], int), 2)`
    """

    def __init__(
        self,
        name: str,
        predict: Callable[..., np.ndarray],
        num_classes: int,
        class_names: Sequence[str] | None = None,
        palette: Any = None,
        model: keras.Model | None = None,
        independent_classes: bool = False,
    ):
        if class_names is None:
            class_names = [f"class {index}" for index in range(num_classes)]
        if palette is None:
            palette = default_palette(num_classes)
        if len(class_names) != num_classes or len(palette) != num_classes:
            raise ValueError(
                "The classes must have a name and a color for each class of the "
                f"model {name!r}. Received: {len(class_names)} names and "
                f"{len(palette)} colors for {num_classes} classes"
            )
        self.name = name
        self.num_classes = num_classes
        self.class_names = [str(class_name) for class_name in class_names]
        self.palette = palette
        self.model = model
        self.independent_classes = independent_classes
        self._predict = predict
        self._lock = threading.Lock()

    def classes(self, image: np.ndarray, **options: Any) -> np.ndarray:
        """Returns the class map of an image.

        Args:
            image: uint8 array `(height, width, 3)`, RGB.
            **options: options of `keras_seg.inference.predictor`.

        Returns:
            Integer array `(height, width)`; of independent classes, `(height, width,
            num_classes)`.

        Raises:
            ValueError: If the model predicts more classes than it has names, which an
                ONNX file does not tell before.
        """
        with self._lock:
            classes = self._predict(image, **options)
        if classes.ndim == 2 and classes.max() >= self.num_classes:
            raise ValueError(
                f"The classes must have a name for each class of the model "
                f"{self.name!r}. Received: {self.num_classes} names, and the predicted "
                f"class {classes.max()}"
            )
        return classes
