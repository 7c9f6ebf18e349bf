"""Where the features of a pyramid lie: strides, channels, and what sizes align to."""

import dataclasses
import math

from keras_seg.backbones import alignment
from keras_seg.backbones.graph import flatten
from keras_seg.backbones.pad_to_multiple import PadToMultiple


@dataclasses.dataclass(frozen=True)
class Geometry:
    """What is asked of a pyramid, found once and saved with it.

    Attributes:
        levels: dict `{"level4": (true stride, channels), ...}`, in ascending order.
        alignment: int. See `size_alignment`.
        divisor: int. See `size_divisor`.
    """

    levels: dict
    alignment: int
    divisor: int


def is_pyramid(model):
    """Whether a model is a feature pyramid already: its outputs are named levels."""
    outputs = getattr(model, "output", None)
    return isinstance(outputs, dict) and all(
        name.startswith("level") for name in outputs
    )


def geometry(pyramid):
    """The `Geometry` of a pyramid: its own, or found in its graph."""
    return getattr(pyramid, "geometry", None) or find_geometry(pyramid)


def find_geometry(pyramid):
    """The `Geometry` of a functional model with levels as outputs, from its graph."""
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
    """`{level: tensor}` of a model whose outputs are levels, in ascending order."""
    if not is_pyramid(model):
        return {}
    tensors = {
        id(original): tensor
        for original, tensor in zip(model.outputs, graph.outputs, strict=True)
    }
    return {
        level: tensors[id(output)] for level, output in sorted(model.output.items())
    }


def level_info(pyramid):
    """The true stride and the channels of each level of a pyramid.

    Args:
        pyramid: what `build` or `feature_pyramid` returned.

    Returns:
        dict `{"level4": (stride, channels), ...}`, both ints, in ascending order.

    Example:

    ```python
    level_info(build("resnet50", output_stride=8))["level5"]  # (8, 2048)
    ```
    """
    return dict(geometry(pyramid).levels)


def size_divisor(pyramid):
    """What images are padded to a multiple of before they enter a pyramid's network.

    The maps of a pyramid are of the padded image. 1 where nothing is padded.

    Example:

    ```python
    size_divisor(build("csp_darknet_s"))  # 2
    ```
    """
    return geometry(pyramid).divisor


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
    return geometry(pyramid).alignment
