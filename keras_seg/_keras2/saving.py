"""Paths of variables, by which weights are exchanged with Keras 3."""

import contextlib

import keras
import tensorflow as tf


def _path(variable):
    """Returns the path of a variable, made of the names of its layers."""
    scope = getattr(variable, "_keras_seg_scope", "")
    layers = getattr(variable, "_keras_seg_path", variable.name.partition(":")[0])
    return scope + layers


def name_paths(layer, prefix):
    for variable in layer._trainable_weights + layer._non_trainable_weights:
        name = variable.name.partition(":")[0].rpartition("/")[2]
        variable._keras_seg_path = f"{prefix}/{name}"
    for inner in layer._flatten_layers(recursive=False, include_self=False):
        name_paths(inner, f"{prefix}/{inner.name}")


@contextlib.contextmanager
def name_scope(name):
    """Context manager that prefixes the paths of new variables with a name."""

    def create(next_creator, **kwargs):
        variable = next_creator(**kwargs)
        variable._keras_seg_scope = f"{name}/"
        return variable

    with tf.variable_creator_scope(create):
        yield name


def install():
    tf.Variable.path = property(_path)
    keras.Variable = tf.Variable
    keras.name_scope = name_scope
