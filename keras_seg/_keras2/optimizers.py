"""Optimizers, and the initial epoch of `fit`."""

import functools
import inspect

import keras
import tensorflow as tf
from keras.src.optimizers.legacy.optimizer_v2 import OptimizerV2
from keras.src.optimizers.optimizer import CallableList, _BaseOptimizer


class _Optimizer:
    """Members of Keras 3's optimizers that Keras 2's lack."""

    @property
    def built(self):
        return getattr(self, "_built", False)

    def _get_variable_index(self, variable):
        return self._index_dict[self._var_key(variable)]

    def assign(self, variable, value):
        variable.assign(value)

    def assign_sub(self, variable, value):
        variable.assign_sub(value)


class _LegacyOptimizer:
    """Members that the base class of tensorflow-addons' optimizers lacks."""

    @property
    def built(self):
        return bool(self._hypers_created)

    @property
    def variables(self):
        return CallableList(self.weights)

    def build(self, variables):
        with tf.init_scope():
            self._create_all_weights(variables)


class _AtRate:
    """View of an optimizer with another learning rate, for one update step."""

    def __init__(self, optimizer, learning_rate):
        self.learning_rate = learning_rate
        self._optimizer = optimizer

    def __getattr__(self, name):
        return getattr(self._optimizer, name)


def _give_rate(plain):
    """Wraps `_update_step` to pass the learning rate, as in Keras 3, if accepted."""

    @functools.wraps(plain)
    def _update_step(self, gradient, variable):
        if "learning_rate" in inspect.signature(self.update_step).parameters:
            self.update_step(gradient, variable, self.learning_rate)
        else:
            plain(self, gradient, variable)

    return _update_step


def _take_rate(plain):
    """Wraps Keras 2's `update_step` to accept a learning rate from subclasses."""

    def update_step(self, gradient, variable, *learning_rate):
        optimizer = _AtRate(self, *learning_rate) if learning_rate else self
        plain(optimizer, gradient, variable)

    update_step.__signature__ = inspect.signature(plain)
    return update_step


def _first_epoch(plain):
    """Wraps the start of `fit` so that a callback may set the epoch, as in Keras 3."""

    @functools.wraps(plain)
    def counters(self, steps_per_epoch, initial_epoch):
        epoch = self.__dict__.pop("_initial_epoch", None)
        if epoch is not None:
            return epoch, 0
        return plain(self, steps_per_epoch, initial_epoch)

    return counters


def install():
    keras.optimizers.LossScaleOptimizer = keras.mixed_precision.LossScaleOptimizer
    for theirs, ours in ((_BaseOptimizer, _Optimizer), (OptimizerV2, _LegacyOptimizer)):
        for name, value in vars(ours).items():
            if not name.startswith("__"):
                setattr(theirs, name, value)
    for owner, name, extend in (
        (_BaseOptimizer, "_update_step", _give_rate),
        (keras.optimizers.SGD, "update_step", _take_rate),
        (keras.optimizers.AdamW, "update_step", _take_rate),
        (keras.Model, "_maybe_load_initial_counters_from_ckpt", _first_epoch),
    ):
        setattr(owner, name, extend(getattr(owner, name)))
    keras.Model.compiled = property(lambda self: self._is_compiled)
