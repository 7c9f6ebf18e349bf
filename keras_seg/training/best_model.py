import math

import keras

from keras_seg.storage.paths import as_path
from keras_seg.storage.replacing import replacing
from keras_seg.typing import PathLike


class BestModel(keras.callbacks.Callback):
    """Saves the model with the highest value of a metric, or the lowest of a loss.

    The new file is written completely before it replaces the previous one.
    `keras.callbacks.ModelCheckpoint(save_best_only=True)` overwrites the file in place,
    so that an interruption while saving loses the best model.

    If no epoch has a value, as in training without validation data, the model of the
    last epoch is saved as `last.keras` in the same folder, and a message is printed.

    Args:
        path: path of the `.keras` file, also on another file system such as gs://.
        monitor: str. The name in the Keras logs to maximize, or to minimize if it ends
            in "loss". Epochs without it, such as those without validation, and epochs
            in which it is NaN are skipped.
        best: float or None. The best value so far.

    Raises:
        ValueError: At the end of an epoch, if the logs hold no such name.

    Example:
        ```python
        best = BestModel("best.keras", "val_mean_iou")
        model.fit(batches, validation_data=batches, callbacks=[best])
        ```
    """

    def __init__(self, path: PathLike, monitor: str, best: float | None = None) -> None:
        super().__init__()
        self.path = as_path(path)
        self.monitor = monitor
        self.best = best

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        is_validated = any(name.startswith("val_") for name in logs)
        if self.monitor not in logs:
            if is_validated or not self.monitor.startswith("val_"):
                raise ValueError(
                    "`monitor` must be the name of a loss or metric. Received: "
                    f"{self.monitor!r}; the logs hold {', '.join(sorted(logs))}"
                )
            return
        if is_better(self.monitor, logs[self.monitor], self.best):
            self.best = logs[self.monitor]
            self._save(self.path)

    def on_train_end(self, logs=None):
        if self.best is None:
            last = self.path.with_name("last.keras")
            self._save(last)
            print(
                f"No epoch had a value of {self.monitor!r}, which takes validation "
                f"data: there is no best model. That of the last epoch is {last}"
            )

    def _save(self, path):
        with replacing(path) as unfinished:
            self.model.save(unfinished)


def is_better(monitor, value, best):
    """Returns whether a value is better than the best so far.

    Args:
        monitor: str. Values are better if they are lower for names that end in "loss",
            and higher for others.
        value: float. NaN is never better.
        best: float or None.
    """
    if best is None or math.isnan(value):
        return not math.isnan(value)
    return value < best if monitor.endswith("loss") else value > best
