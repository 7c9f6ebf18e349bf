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

    Example: `model.fit(..., callbacks=[BestModel("best.keras", "val_mean_iou")])`
    """

    def __init__(self, path, monitor, best=None):
        super().__init__()
        self.path = path
        self.monitor = monitor
        self.best = best

    def on_epoch_end(self, epoch, logs=None):
        value = (logs or {}).get(self.monitor)
        if value is None or (self.best is not None and not value > self.best):
            return
        self.best = value
        with replacing(self.path) as unfinished:
            self.model.save(unfinished)
