"""Keras 2's symbolic tensors under the API of Keras 3."""

import keras
import tensorflow as tf
from keras.src.engine import keras_tensor


class _SymbolicTensor(type):
    """Metaclass of `KerasTensor` that creates and recognizes Keras 2's tensors."""

    def __instancecheck__(cls, value):
        return isinstance(value, keras_tensor.KerasTensor)

    def __call__(cls, shape, dtype="float32", name=None):
        return keras_tensor.KerasTensor(tf.TensorSpec(shape, dtype), name=name)


class KerasTensor(metaclass=_SymbolicTensor):
    """Keras 3's `keras.KerasTensor(shape, dtype, name)`."""


def is_symbolic(arguments):
    return any(isinstance(leaf, KerasTensor) for leaf in tf.nest.flatten(arguments))


def install():
    keras.KerasTensor = KerasTensor
