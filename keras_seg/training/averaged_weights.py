import weakref

import keras
from keras import ops

from keras_seg._keras_private import weight_averages

# The unaveraged weights of models that hold averages, as lists of arrays.
_OWN: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


class AveragedWeights(keras.callbacks.Callback):
    """Evaluates, saves and exports the exponential moving average of the weights.

    Works with optimizers that have `use_ema=True`; with others it does nothing. The
    model holds the averaged weights during evaluation and prediction, and between the
    end of one epoch and the start of the next, so that other callbacks save or plot the
    averaged model at the end of an epoch. Training continues with the unaveraged
    weights. After `fit`, Keras leaves the averaged weights in the model.

    `keras.callbacks.SwapEMAWeights(swap_on_epoch=True)` is similar, but it swaps
    weights by adding and subtracting, which loses precision each time, and it restores
    the unaveraged weights after early stopping. Use one of the two, not both.

    The optimizer does not average the statistics of batch norms, since they are moving
    averages already.

    Example:
        List it before the callbacks that save models:

        ```python
        optimizer = keras_seg.training.AdamW(1e-3, use_ema=True, ema_momentum=0.999)
        model.compile(optimizer, loss)
        best = BestModel("best.keras", "val_mean_iou")
        callbacks = [AveragedWeights(), best]
        model.fit(batches, validation_data=batches, callbacks=callbacks)
        ```
    """

    def on_train_begin(self, logs=None):
        # Those of an interrupted `fit`: the model may have other weights by now.
        _OWN.pop(self.model, None)

    def on_epoch_begin(self, epoch, logs=None):
        self._give_back()

    def on_epoch_end(self, epoch, logs=None):
        self._average()

    def on_train_end(self, logs=None):
        _OWN.pop(self.model, None)  # Keras leaves the averages in the model

    def on_test_begin(self, logs=None):
        self._average()

    def on_test_end(self, logs=None):
        self._give_back()

    def on_predict_begin(self, logs=None):
        self._average()

    def on_predict_end(self, logs=None):
        self._give_back()

    def _average(self):
        moving = moving_averages(self.model)
        if moving and self.model not in _OWN:
            _OWN[self.model] = own_weights(self.model)
            weights = self.model.trainable_variables
            _assign(weights, [ops.convert_to_numpy(average) for average in moving])

    def _give_back(self):
        if self.model in _OWN:
            _assign(self.model.trainable_variables, _OWN.pop(self.model))


def own_weights(model):
    """Returns a model's unaveraged trainable weights, even while it holds averages."""
    if model in _OWN:
        return _OWN[model]
    return [ops.convert_to_numpy(weight) for weight in model.trainable_variables]


def moving_averages(model):
    """Returns the moving averages of a model's trainable weights, one for each weight.

    The list is empty if the optimizer keeps no averages, and before the first step.
    """
    optimizer = getattr(model, "optimizer", None)
    # In mixed precision, a loss-scaling optimizer wraps the actual one.
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if not getattr(optimizer, "use_ema", False):
        return []
    if not ops.convert_to_numpy(optimizer.iterations).any():
        return []
    return weight_averages(optimizer)


def _assign(variables, arrays):
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
