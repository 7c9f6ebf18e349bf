"""Grouped convolutions that do not require XLA."""

import contextlib
import functools

import keras

from keras_seg._keras_private import layers_within
from keras_seg.layers import Conv2D

_KNOWN = (keras.layers.Conv2D.convolution_op, Conv2D.convolution_op)


@contextlib.contextmanager
def without_xla(model):
    """Traces grouped convolutions of a model without XLA within a `with` block.

    On TensorFlow, Keras 3.15 compiles grouped convolutions with XLA, since TensorFlow's
    CPU kernels do not support them. Within the block, with the same weights, they are

    - depthwise convolutions, if each channel is a group;
    - parallel convolutions, one for each group, otherwise.

    This applies to every `keras.layers.Conv2D` in the model, including those nested in
    other layers. Calls of `keras.ops.conv` with groups in a layer's own code still
    require XLA.

    Args:
        model: `keras.Model`, built.

    Example:
        ```python
        with without_xla(model):
            graph = tf.function(model).get_concrete_function(images)
        ```
    """
    layers = [
        layer
        for layer in layers_within(model)
        if isinstance(layer, keras.layers.Conv2D)
        and layer.groups > 1
        and layer.data_format == "channels_last"
        # A layer that overrides the convolution keeps its own.
        and type(layer).convolution_op in _KNOWN
    ]
    for layer in layers:
        # Keras provides this method for overriding.
        layer.convolution_op = functools.partial(_grouped, layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.convolution_op


def _grouped(layer, inputs, kernel):
    rows, columns, _, filters = kernel.shape
    options = {
        "strides": layer.strides,
        "padding": layer.padding,
        "data_format": layer.data_format,
        "dilation_rate": layer.dilation_rate,
    }
    same_strides = layer.strides[0] == layer.strides[1]  # TensorFlow requires this
    if layer.groups == inputs.shape[-1] and same_strides:
        multiplier = filters // layer.groups
        kernel = keras.ops.reshape(kernel, (rows, columns, layer.groups, multiplier))
        return keras.ops.depthwise_conv(inputs, kernel, **options)
    pairs = zip(
        keras.ops.split(inputs, layer.groups, axis=-1),
        keras.ops.split(kernel, layer.groups, axis=-1),
        strict=True,
    )
    parts = [keras.ops.conv(part, weights, **options) for part, weights in pairs]
    return keras.ops.concatenate(parts, axis=-1)
