"""Grouped convolutions for a graph that no XLA runs."""

import contextlib
import functools

import keras

from keras_seg._keras_private import layers_within
from keras_seg.layers import Conv2D

_KNOWN = (keras.layers.Conv2D.convolution_op, Conv2D.convolution_op)


@contextlib.contextmanager
def without_xla(model):
    """Grouped convolutions of a model are traced without XLA within a `with` block.

    Keras 3.15 compiles each convolution with groups by XLA on TensorFlow, since
    TensorFlow's own kernels on a CPU do not take them. Of the same weights are made:

    - a depthwise convolution, where each channel is a group by itself;
    - else a convolution for each group, side by side.

    Every `keras.layers.Conv2D` in the model is found, within other layers too. What
    remains, such as `keras.ops.conv` with groups in a layer's own code, still asks for
    XLA.

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
        # A layer with a convolution of its own keeps it.
        and type(layer).convolution_op in _KNOWN
    ]
    for layer in layers:
        # This method of Keras's convolutions is there to be overridden.
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
    same_strides = layer.strides[0] == layer.strides[1]  # all that TensorFlow takes
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
