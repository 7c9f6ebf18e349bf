import keras

from keras_seg.training.replacing import replacing


class BestModel(keras.callbacks.Callback):
    """Keeps the model with the highest value of a metric, in a file that is whole.

    `keras.callbacks.ModelCheckpoint(save_best_only=True)` writes into the file that it
    replaces: killed meanwhile, a run loses the best model that it had.

    Args:
        path: of the `.keras` file.
        monitor: str. The name in Keras's logs to maximise; epochs without it, such as
            those without validation, do not count.
        best: float or None. The value to beat.

    Raises:
        ValueError: At the end of an epoch, if nothing in the logs is called so.

    Example: `model.fit(..., callbacks=[BestModel("best.keras", "val_mean_iou")])`
    """

    def __init__(self, path, monitor, best=None):
        super().__init__()
        self.path = path
        self.monitor = monitor
        self.best = best

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        is_validated = any(name.startswith("val_") for name in logs)
        if self.monitor not in logs:
            if is_validated or not self.monitor.startswith("val_"):
                raise ValueError(
                    "`monitor` must be the name of a loss or metric. Received: "
                    f"{self.monitor!r}, and there are {', '.join(sorted(logs))}"
                )
            return
        if self.best is not None and not logs[self.monitor] > self.best:
            return
        self.best = logs[self.monitor]
        with replacing(self.path) as unfinished:
            self.model.save(unfinished)
