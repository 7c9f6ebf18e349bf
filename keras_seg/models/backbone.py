"""What the models accept as `backbone`, and what they take from it."""

import dataclasses

import keras

from keras_seg.backbones import build, feature_pyramid
from keras_seg.backbones.geometry import geometry, is_pyramid
from keras_seg.backbones.pad_to_multiple import PadToMultiple
from keras_seg.layers import CropToCells


@dataclasses.dataclass
class Level:
    """A level of the features of a symbolic image.

    `multiple` is what maps of this level are resized to a multiple of before they are
    cropped to the image: the cells reach so far.
    """

    tensor: keras.KerasTensor
    stride: int
    multiple: int


def resolve_backbone(backbone, output_stride, insert=None):
    """A feature pyramid from a name, a pyramid, or any functional network.

    A pyramid keeps the output stride that it was made with. Where layers are inserted,
    it and a network are copied with their weights.
    """
    if isinstance(backbone, str):
        return build(backbone, output_stride, insert=insert)
    if is_pyramid(backbone):
        return feature_pyramid(backbone, insert=insert) if insert else backbone
    return feature_pyramid(backbone, output_stride, insert=insert)


def extract_levels(pyramid, image):
    """The features of a symbolic image, to build a network on.

    They lie alike at every size of the image: it is padded to the pyramid's size
    alignment with copies of its edge, and the features are cropped to the cells that
    it reaches; see `keras_seg.backbones.size_alignment`.

    Args:
        pyramid: what `build` or `feature_pyramid` returned.
        image: symbolic tensor `(batch, height, width, channels)`.

    Returns:
        dict `{"level1": Level, ...}` in ascending order, of `tensor (batch, ceil(height
        / stride), ceil(width / stride), channels)`, its true `stride`, and `multiple`,
        what `ResizeLike` needs to resize its maps to the image.

    Example:

    ```python
    image = keras.Input((None, None, 3))
    last = extract_levels(build("resnet18", 8), image)["level5"]
    x = keras.layers.Conv2D(num_classes, 1)(last.tensor)
    logits = ResizeLike(multiple=last.multiple)([x, image])
    ```
    """
    known = geometry(pyramid)
    strides = {level: stride for level, (stride, _) in known.levels.items()}
    # A network of one size has learned where its features lie.
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
