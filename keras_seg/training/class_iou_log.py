from collections.abc import Sequence

import keras

from keras_seg.metrics import MeanIoU


class ClassIoULog(keras.callbacks.Callback):
    """Logs the IoU of each class on the validation images after every epoch.

    Adds "val_iou_<class>" to the logs for `keras.callbacks.CSVLogger`, TensorBoard and
    the history of `fit`. A class that occurs neither in labels nor in predictions has
    NaN. List this callback before those that read the logs.

    Args:
        class_names: sequence of str, one for each class.

    Raises:
        ValueError: During validation, if the model has no `keras_seg.metrics.MeanIoU`
            with as many classes.

    Example:
        ```python
        log = [ClassIoULog(val.class_names), keras.callbacks.CSVLogger("log.csv")]
        model.fit(batches, validation_data=batches, callbacks=log)
        ```
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        super().__init__()
        self.class_names = tuple(class_names)
        self._found = None

    def on_epoch_begin(self, epoch, logs=None):
        self._found = None

    def on_test_end(self, logs=None):
        metrics = [m for m in _metrics(self.model) if isinstance(m, MeanIoU)]
        fitting = [m for m in metrics if len(m.class_iou()) == len(self.class_names)]
        if not fitting:
            raise ValueError(
                "`ClassIoULog` needs a keras_seg.metrics.MeanIoU of "
                f"{len(self.class_names)} classes. Received: a model with the metrics "
                f"{[m.name for m in metrics] or 'none'}"
            )
        self._found = fitting[0].class_iou()

    def on_epoch_end(self, epoch, logs=None):
        if self._found is not None and logs is not None:
            names = (f"val_iou_{name}" for name in self.class_names)
            logs.update(zip(names, map(float, self._found), strict=True))


def _metrics(model):
    """Returns all metrics of a model, including those that Keras 3 nests in one."""
    return [
        inner
        for metric in model.metrics
        for inner in (metric, *getattr(metric, "metrics", ()))
    ]
