"""Geometry of a feature pyramid: strides, channels and size alignment."""

import dataclasses
import math

import keras

from keras_seg.backbones import alignment
from keras_seg.backbones.graph import flatten
from keras_seg.backbones.pad_to_multiple import PadToMultiple


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Facts about a pyramid that are computed once and saved with it.

    Attributes:
        levels: dict `{"level4": (true stride, channels), ...}`, in ascending order.
        alignment: int. See `size_alignment`.
        divisor: int. See `size_divisor`.
    """

    levels: dict
    alignment: int
    divisor: int


def is_pyramid(model):
    """Returns True if a model is a feature pyramid: its outputs are named levels."""
    outputs = getattr(model, "output", None)
    return isinstance(outputs, dict) and all(
        name.startswith("level") for name in outputs
    )


def geometry(pyramid):
    """Returns the `Geometry` of a pyramid: its own, or computed from its graph."""
    return getattr(pyramid, "geometry", None) or find_geometry(pyramid)


def find_geometry(pyramid):
    """Computes the `Geometry` of a functional model whose outputs are levels."""
    graph = flatten(pyramid)
    strides = graph.strides()
    multiples = [
        layer.multiple for layer in pyramid.layers if isinstance(layer, PadToMultiple)
    ]
    return Geometry(
        levels={
            level: (int(strides[id(tensor)]), tensor.shape[-1])
            for level, tensor in output_levels(pyramid, graph).items()
        },
        alignment=alignment.find(graph, strides),
        divisor=math.lcm(*multiples),
    )


def output_levels(model, graph):
    """Returns `{level: tensor}` of a pyramid in ascending order, else `{}`."""
    if not is_pyramid(model):
        return {}
    tensors = {
        id(original): tensor
        for original, tensor in zip(model.outputs, graph.outputs, strict=True)
    }
    return {
        level: tensors[id(output)] for level, output in sorted(model.output.items())
    }


def level_info(pyramid: keras.Model) -> dict[str, tuple[int, int]]:
    """Returns the true stride and the channels of each level of a pyramid.

    Args:
        pyramid: a feature pyramid from `build` or `feature_pyramid`.

    Returns:
        dict `{"level4": (stride, channels), ...}`, both ints, in ascending order.

    Example:
        ```python
        level_info(build("resnet50", output_stride=8))["level5"]  # (8, 2048)
        ```
    """
    return dict(geometry(pyramid).levels)


def size_divisor(pyramid):
    """Returns the multiple to which a pyramid pads images before its first layer.

    The feature maps are those of the padded image.

    Args:
        pyramid: a feature pyramid from `build` or `feature_pyramid`.

    Returns:
        int, in pixels. 1 if the pyramid pads nothing.

    Example:
        ```python
        size_divisor(build("csp_darknet_s"))  # 2
        ```
    """
    return geometry(pyramid).divisor


def size_alignment(pyramid: keras.Model) -> int:
    """Returns the multiple of image sizes at which features keep their position.

    TensorFlow's "same" padding places a strided window differently on maps of even and
    of odd sizes; the difference is half a cell of the coarser map. A dilated window
    that replaces it behaves the same. A head that was trained on crops of one kind
    therefore sees displaced objects in images of the other kind, which can cost 5 to 14
    points of mIoU. "valid" windows, such as VGG's poolings, leave out the last rows of
    odd sizes, so that resized features are displaced too. The models of `keras_seg` pad
    images to a multiple of this number and crop the features. Do the same if you use a
    pyramid on its own.

    Args:
        pyramid: a feature pyramid from `build` or `feature_pyramid`.

    Returns:
        int, in pixels. 1 for networks whose padding does not depend on the image size
        and whose features have `ceil(size / stride)` cells. For other networks,
        features of aligned images have exactly `size / stride` cells if the network
        allows it.

    Example:
        ```python
        size_alignment(build("resnet18", output_stride=8))  # 32
        size_alignment(build("resnet50_c"))  # 1
        ```
    """
    return geometry(pyramid).alignment
