"""What sizes of images features lie alike at."""

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
    """What `size_alignment` tells, of a flat network and the strides of its tensors."""
    periods = []
    for call in graph.calls:
        before = strides.get(id(call.inputs[0])) if call.inputs else None
        period = _period(call.operation)
        if before and period > 1:
            periods.append(round(before * period))
    alignment = math.lcm(*periods)
    if alignment == 1 or None not in graph.image.shape[1:3]:
        return alignment
    # Where "valid" windows leave out last rows, it takes more for none to be missing.
    for factor in (1, 2, 4, 8):
        if _is_whole(graph, strides, factor * alignment):
            return factor * alignment
    return alignment


def _is_whole(graph, strides, alignment):
    """Whether features of images of a multiple reach to their end, and no further."""
    axis = 1 + list(graph.image.shape[1:3]).index(None)
    # Odd, lest it be a multiple of more; and large enough for any network.
    size = alignment * (PROBE // alignment | 1)
    cells = graph.sizes(axis, size)
    return all(cells[id(x)] * strides[id(x)] == size for x in graph.outputs)


def _period(operation):
    """With what period of the size the windows of a layer move, in cells."""
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
    # Without more cells than the stride, windows begin at the first one at any size.
    moving = [
        stride
        for cells, stride in zip(window, strides, strict=True)
        if cells > stride > 1
    ]
    return rate * math.lcm(*moving) if moving else 1
