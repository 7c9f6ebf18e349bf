"""Dtypes and `keras.config`."""

import types

import keras
import tensorflow as tf


def _standardize_dtype(dtype):
    return tf.as_dtype(dtype or keras.backend.floatx()).name


def _is_float_dtype(dtype):
    return tf.as_dtype(dtype).is_floating


def install():
    keras.config = types.SimpleNamespace(
        image_data_format=keras.backend.image_data_format,
        set_image_data_format=keras.backend.set_image_data_format,
        floatx=keras.backend.floatx,
        dtype_policy=keras.mixed_precision.global_policy,
        set_dtype_policy=keras.mixed_precision.set_global_policy,
    )
    keras.backend.standardize_dtype = _standardize_dtype
    keras.backend.is_float_dtype = _is_float_dtype
