import math

import keras

from keras_seg.backbones.dilated_pooling import DilatedPooling2D
from keras_seg.backbones.graph import flatten
from keras_seg.backbones.same_padding import SamePadding2D

_PROBE = 512  # pixels

_WINDOWS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)
_POOLINGS = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)


def size_alignment(pyramid):
    """What an image's sides must be multiples of for features to lie as at any other.

    TensorFlow's "same" padding puts a strided window elsewhere on maps of even and of
    odd sizes, and a dilated one that stands for it follows: by half a cell of the
    coarser map. A head that was trained on crops of one kind finds objects displaced
    on images of the other. (Networks on EfficientNetLite B0 at output stride 16,
    trained on crops of 160 x 224, lost 5 to 14 points of mean IoU on images of 360 x
    480.) The models of `keras_seg` pad images to multiples of this and crop the
    features; do so too where you use a pyramid by itself.

    Args:
        pyramid: what `build` or `feature_pyramid` returned.

    Returns:
        int. 1 for networks whose padding does not depend on the size; else features
        of such images have size / stride cells, no fewer, where the network allows.

    Example: `size_alignment(build("resnet18", output_stride=8))` is 32;
    `size_alignment(build("resnet50_c"))` is 1.
    """
    graph = flatten(pyramid)
    strides = graph.strides()
    periods = []
    for call in graph.calls:
        before = strides.get(id(call.inputs[0])) if call.inputs else None
        period = _period(call.operation)
        if before and period > 1:
            periods.append(round(before * period))
    alignment = math.lcm(*periods)
    if alignment == 1 or None not in pyramid.input_shape[1:3]:
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
    size = alignment * (_PROBE // alignment | 1)
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
