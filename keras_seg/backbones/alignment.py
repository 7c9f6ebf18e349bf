"""Image sizes at which a network places its features identically."""

import math

import keras

from keras_seg.backbones.dilated_pooling import DilatedPooling2D
from keras_seg.backbones.graph import PROBE
from keras_seg.backbones.same_padding import SamePadding2D

_WINDOWS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)
_POOLINGS = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)


def find(graph, strides):
    """Returns the `size_alignment` of a `Graph` with the given tensor strides."""
    periods = []
    for call in graph.calls:
        before = strides.get(id(call.inputs[0])) if call.inputs else None
        period = _period(call.operation)
        if before and period > 1:
            periods.append(round(before * period))
    alignment = math.lcm(*periods)
    if None not in graph.image.shape[1:3]:
        return alignment
    # "valid" windows can drop the last rows: larger multiples may avoid that.
    for factor in (1, 2, 4, 8, 16, 32):
        if _is_whole(graph, strides, factor * alignment):
            return factor * alignment
    return alignment


def _is_whole(graph, strides, alignment):
    """Returns True if the features of aligned images cover them.

    They cover them exactly, or, if images are not aligned, with one incomplete cell.
    """
    axis = 1 + list(graph.image.shape[1:3]).index(None)
    # An odd factor, so that the size is not a multiple of a larger alignment; and
    # large enough for any network.
    size = alignment * (PROBE // alignment | 1)
    try:
        found = graph.sizes(axis, size)
    except ValueError:  # the network does not support images of this size
        return False
    cells = [(found[id(x)], size / strides[id(x)]) for x in graph.outputs]
    if alignment == 1:
        return all(count == math.ceil(exact) for count, exact in cells)
    return all(count == exact for count, exact in cells)


def _period(operation):
    """Returns the period, in input cells, with which a layer's windows are placed."""
    rate = 1
    if isinstance(operation, SamePadding2D):
        window, strides, rate = operation.window, operation.strides, operation.rate
    elif isinstance(operation, DilatedPooling2D) and operation.padding == "same":
        window, strides = operation.pool_size, operation.replaced_strides
        rate = operation.dilation_rate
    elif isinstance(operation, _WINDOWS) and operation.padding == "same":
        window, strides = operation.kernel_size, operation.strides
    elif isinstance(operation, _POOLINGS) and operation.padding == "same":
        window, strides = operation.pool_size, operation.strides
    else:
        return 1
    # Windows no larger than the stride start at the first cell at every size.
    moving = [
        stride
        for cells, stride in zip(window, strides, strict=True)
        if cells > stride > 1
    ]
    return rate * math.lcm(*moving) if moving else 1
