from collections.abc import Sequence
from typing import Any

import keras

from keras_seg.layers import HeightDrivenAttention, NetworkInput
from keras_seg.models.backbone import resolve_backbone
from keras_seg.models.checks import require_classes
from keras_seg.models.decoder_options import DecoderOptions
from keras_seg.models.deeplab_v3_plus import assemble
from keras_seg.models.deeplab_v3_plus import output_stride as true_stride
from keras_seg.sequence_argument import require_sequence

POINTS = (1, 2, 3, 4, 5)


def HANet(
    num_classes: int,
    backbone: str | keras.Model = "resnet50",
    output_stride: int = 8,
    auxiliary_head: bool = False,
    *,
    reduction_ratio: int | None = None,
    positions: bool = False,
    points: Sequence[int] = (1, 2, 3, 4),
    kernel_size: int = 3,
    coarse_height: int = 16,
    pooling: str = "mean",
    position_encoding: str | None = "sinusoidal",
    position_injection: int = 2,
    position_noise: float = 0.5,
    attention_dropout_rate: float = 0.1,
    name: str = "hanet",
    **decoder: Any,
) -> keras.Model:
    """HANet: DeepLabV3+ with channels weighted by the height in the image.

    The network has a `HeightDrivenAttention` layer at each of these points:

        point   attention from                  applied to
        1       the second-to-last level        the last level
        2       the last level                  the concatenation of ASPP
        3       that concatenation              its 1x1 projection
        4       low-level and resized features  the decoder's 3x3 convolutions
        5       the decoder's features          the logits, with max pooling

    Args:
        num_classes: int. 1 for two classes, 0 and 1, predicted by a sigmoid.
        backbone: a name from `keras_seg.backbones.names()`, a feature pyramid, which
            keeps its own output stride, or any functional `keras.Model` on images.
        output_stride: 8, 16 or 32.
        auxiliary_head: bool. Whether to add an FCN head on the second-to-last level.
            It is for training only; the recommended weight of its loss is 0.4.
        reduction_ratio: int, or None for 64 at output stride 8 and 32 otherwise. The
            release uses 16 with MobileNetV2.
        positions: bool. Whether the model has a second input, the positions of the
            rows in the uncropped image; see below.
        points: sequence of ints in 1..5, the points above that have attention. All
            released networks have attention at points 1 to 4.
        kernel_size, coarse_height, pooling, position_encoding, position_injection,
            position_noise: see `HeightDrivenAttention`.
        attention_dropout_rate: float in 0..1. The `dropout_rate` of
            `HeightDrivenAttention`.
        name: str. Name of the model.
        **decoder: `filters`, `separable` and others; see `DeepLabV3Plus`.

    Returns:
        A functional `keras.Model` from raw RGB images `(batch, height, width, 3)` in
        0..255, of any size, to float32 logits `(batch, height, width, num_classes)`.
        With `auxiliary_head`, the output is a dict of two such tensors, "segmentation"
        and "auxiliary".
        With `positions`, the inputs are the pair of the image and integers
        `(batch, height)`, as returned by
        `keras_seg.data.training_pipeline(..., positions=True)`: 0..127 from top to
        bottom of the uncropped image (see `keras_seg.ops.row_positions`), 128 for
        padding. Without them, and in `inference_model(model)`, each image is assumed to
        be uncropped.

    Raises:
        TypeError: If a keyword argument is not an option of the decoder.
        ValueError: If `points` is empty or has values outside 1..5, if `num_classes` is
            not a positive integer, if the backbone is unknown or cannot have this
            output stride, or for the reasons listed in `HeightDrivenAttention`.

    Example:
        ```python
        model = HANet(num_classes=11, backbone="resnet18", positions=True)
        crop = np.ones((1, 64, 96, 3))  # the last rows of an image with 360
        positions = keras_seg.ops.row_positions(np.arange(296, 360)[None], 360)
        model([crop, positions]).shape  # (1, 64, 96, 11)
        ```

    References:
        [Choi et al., 2020](https://arxiv.org/abs/2003.05128), section 3. The features
        at the points are those of the released `network/deepv3.py`.
    """
    num_classes = require_classes(num_classes)
    points = require_sequence("points", points, f"ints among {POINTS}")
    if not points or not set(points) <= set(POINTS):
        raise ValueError(
            f"`points` must be one or more of {POINTS}. Received: {points=}"
        )
    options = DecoderOptions.of(decoder, "HANet")
    pyramid = resolve_backbone(backbone, output_stride)
    if reduction_ratio is None:
        reduction_ratio = 64 if true_stride(pyramid) <= 8 else 32
    image = keras.Input(pyramid.input_shape[1:], name="image")
    inputs, place = image, {}
    if positions:
        rows = keras.Input((pyramid.input_shape[1],), dtype="int32", name="positions")
        inputs = [image, rows]
        place = {"positions": NetworkInput("positions", name="row_positions")(rows)}

    def attend(point, low, high):
        if point not in points:
            return high
        attention = HeightDrivenAttention(
            reduction_ratio,
            kernel_size,
            coarse_height,
            "max" if point == 5 else pooling,
            position_encoding,
            position_injection,
            attention_dropout_rate,
            position_noise,
            return_attention=True,
            bias_initializer=keras.initializers.Constant(3.0),  # nearly 1 at first
            name=f"height_attention_{point}",
        )
        high, _ = attention([low, high], **place)
        return high

    outputs = assemble(
        image,
        pyramid,
        num_classes,
        auxiliary_head,
        options,
        attend,
    )
    return keras.Model(inputs, outputs, name=name)
