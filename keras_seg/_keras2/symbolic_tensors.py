"""Keras 2's symbolic tensors in the place of Keras 3's."""

import keras
import tensorflow as tf
from keras.src.engine import keras_tensor


class _SymbolicTensor(type):
    """What makes Keras 2's symbolic tensors pass for, and look like, Keras 3's."""

    def __instancecheck__(cls, value):
        return isinstance(value, keras_tensor.KerasTensor)

    def __call__(cls, shape, dtype="float32", name=None):
        return keras_tensor.KerasTensor(tf.TensorSpec(shape, dtype), name=name)


class KerasTensor(metaclass=_SymbolicTensor):
    """`keras.KerasTensor(shape, dtype, name)`."""


def is_symbolic(arguments):
    return any(isinstance(leaf, KerasTensor) for leaf in tf.nest.flatten(arguments))


def install():
    keras.KerasTensor = KerasTensor
