import keras
from keras import ops


class AveragedWeights(keras.callbacks.Callback):
    """Evaluates, saves and exports the moving average of the weights, if there is one.

    For optimizers with `use_ema=True`, which keep an exponential moving average of the
    trainable weights; with others it does nothing. The model has the average while it
    is evaluated or predicts, and from the end of an epoch to the beginning of the next:
    so that what other callbacks save or draw at the end of an epoch is the average. It
    trains on with its own weights. After `fit` Keras leaves the average in the model.

    `keras.callbacks.SwapEMAWeights(swap_on_epoch=True)` does the like, but exchanges
    weights by sums and differences, which costs digits each time, and gives the model
    its own weights back where training stops early. Use one of the two, not both.

    The statistics of batch norms are not averaged by the optimizer: they are moving
    averages themselves.

    Example: before the callbacks that save models,

    ```python
    model.compile(keras_seg.training.AdamW(1e-3, use_ema=True, ema_momentum=0.999), ...)
    best = BestModel("best.keras", "val_mean_iou")
    model.fit(train, validation_data=val, callbacks=[AveragedWeights(), best])
    ```
    """

    def __init__(self):
        super().__init__()
        self._own = None  # the weights of training, while the model has the average

    def on_epoch_begin(self, epoch, logs=None):
        self._give_back()

    def on_epoch_end(self, epoch, logs=None):
        self._average()

    def on_train_end(self, logs=None):
        self._own = None  # Keras has put the average into the model for good

    def on_test_begin(self, logs=None):
        self._average()

    def on_test_end(self, logs=None):
        self._give_back()

    def on_predict_begin(self, logs=None):
        self._average()

    def on_predict_end(self, logs=None):
        self._give_back()

    def _average(self):
        averages = moving_averages(self.model)
        if averages and self._own is None:
            weights = self.model.trainable_variables
            self._own = [ops.convert_to_numpy(weight) for weight in weights]
            _assign(weights, [ops.convert_to_numpy(average) for average in averages])

    def _give_back(self):
        if self._own is not None:
            _assign(self.model.trainable_variables, self._own)
            self._own = None


def moving_averages(model):
    """The variables of the moving average, one for each trainable weight of a model.

    The list is empty where the optimizer keeps none, and before the first step.
    """
    optimizer = getattr(model, "optimizer", None)
    # In mixed precision the optimizer is inside of one that scales losses.
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if not getattr(optimizer, "use_ema", False):
        return []
    if not ops.convert_to_numpy(optimizer.iterations).any():
        return []
    return optimizer._model_variables_moving_average  # Keras has no public place for it


def _assign(variables, arrays):
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
