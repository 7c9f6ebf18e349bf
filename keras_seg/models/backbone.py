"""Resolution of the argument `backbone` of the models, and its levels of features."""

import dataclasses

import keras

from keras_seg.backbones import build, feature_pyramid
from keras_seg.backbones.geometry import geometry, is_pyramid
from keras_seg.backbones.pad_to_multiple import PadToMultiple
from keras_seg.layers import CropToCells
from keras_seg.typing import Tensor


@dataclasses.dataclass
class Level:
    """Level of the features of a symbolic image.

    Maps of this level are resized to the next multiple of `multiple` pixels, the area
    that their cells cover, before they are cropped to the image.
    """

    tensor: keras.KerasTensor
    stride: int
    multiple: int


def resolve_backbone(backbone, output_stride, insert=None):
    """Returns a feature pyramid for a name, a pyramid, or any functional network.

    A pyramid keeps the output stride that it was built with. If layers are inserted, a
    pyramid or network is copied with its weights.
    """
    if isinstance(backbone, str):
        return build(backbone, output_stride, insert=insert)
    if is_pyramid(backbone):
        return feature_pyramid(backbone, insert=insert) if insert else backbone
    return feature_pyramid(backbone, output_stride, insert=insert)


def extract_levels(pyramid: keras.Model, image: Tensor) -> dict[str, Level]:
    """Returns the features of a symbolic image, to build a network on.

    Features have the same position at every image size: the image is padded to the
    pyramid's size alignment by repeating its edge, and the features are cropped to the
    cells that the image covers; see `keras_seg.backbones.size_alignment`.

    Args:
        pyramid: a feature pyramid from `build` or `feature_pyramid`.
        image: symbolic tensor `(batch, height, width, channels)`.

    Returns:
        dict `{"level1": Level, ...}` in ascending order. A `Level` has the attributes
        `tensor` `(batch, ceil(height / stride), ceil(width / stride), channels)`, its
        true `stride`, and `multiple`, the argument of `ResizeLike` to resize its maps
        to the image.

    Example:
        ```python
        image = keras.Input((None, None, 3))
        last = extract_levels(build("resnet18", 8), image)["level5"]
        x = keras.layers.Conv2D(11, 1)(last.tensor)
        logits = ResizeLike(multiple=last.multiple)([x, image])
        ```
    """
    known = geometry(pyramid)
    strides = {level: stride for level, (stride, _) in known.levels.items()}
    # A network with a fixed input size needs no alignment.
    if known.alignment == 1 or None not in image.shape[1:3]:
        features, multiple = pyramid(image), known.divisor
        return {
            level: Level(features[level], stride, multiple)
            for level, stride in strides.items()
        }
    pad = PadToMultiple(known.alignment, "edge", name="image_padding")
    features = pyramid(pad(image))
    return {
        level: Level(
            CropToCells(stride, name=f"{level}_crop")([features[level], image]),
            stride,
            stride,
        )
        for level, stride in strides.items()
    }
