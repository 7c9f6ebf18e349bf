from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from keras_seg.inference import predictor
from keras_seg.storage.paths import as_path
from keras_seg.typing import PathLike
from keras_seg.visualization.comparison import comparison
from keras_seg.visualization.visible import visible


class ValidationPictures(keras.callbacks.Callback):
    """Writes predictions for some images to TensorBoard after each epoch.

    Each picture shows an image, its label and the predicted classes, in the colors of
    the classes. If the weights are averaged, the averages predict.

    Args:
        folder: str or path of the folder for TensorBoard's event files.
        samples: sequence of pairs of an image, `(height, width, channels)` in 0..255,
            and its label, integers `(height, width)`, or masks of independent classes,
            `(height, width, classes)`. They are kept in memory.
        palette: uint8 array `(num_classes, 3)`, RGB.
        class_names: sequence of str, one for each class.

    Raises:
        ValueError: If there are no samples.

    Example:
        ```python
        samples = [val[index] for index in (0, 10, 20)]
        folder = "runs/spnet/tensorboard/pictures"
        pictures = ValidationPictures(folder, samples, val.palette, val.class_names)
        model.fit(batches, callbacks=[pictures])
        ```
    """

    def __init__(
        self,
        folder: PathLike,
        samples: Sequence[tuple[np.ndarray, np.ndarray]],
        palette: np.ndarray,
        class_names: Sequence[str],
    ) -> None:
        super().__init__()
        self.samples = [(np.asarray(x), np.asarray(y)) for x, y in samples]
        if not self.samples:
            raise ValueError(
                "`samples` must hold at least one pair of image and label. Received "
                "none."
            )
        self.folder = as_path(folder)
        self.palette, self.class_names = palette, tuple(class_names)
        self._label_map = self._writer = None

    def on_train_begin(self, logs=None):
        self._label_map = predictor(self.model, value_range=255)
        self._writer = tf.summary.create_file_writer(str(self.folder))

    def on_epoch_end(self, epoch, logs=None):
        with self._writer.as_default():
            for index, (image, label) in enumerate(self.samples):
                classes = self._label_map(image)
                picture = comparison(
                    [visible(image)],
                    [label],
                    [classes],
                    self.palette,
                    self.class_names,
                )
                name = f"validation image {index}"
                tf.summary.image(name, np.asarray(picture)[None], step=epoch)
        self._writer.flush()

    def on_train_end(self, logs=None):
        self._writer.close()
