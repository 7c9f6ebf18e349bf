from collections.abc import Sequence

import keras

from keras_seg.layers import (
    ContextPriorLayer,
    ConvNorm,
    NetworkInput,
    NetworkOutput,
    NetworkTensor,
)
from keras_seg.losses import AffinityLoss
from keras_seg.models.backbone import extract_levels, resolve_backbone
from keras_seg.models.checks import (
    require_classes,
    require_level_for_auxiliary_head,
)
from keras_seg.models.heads import classify, fcn_head
from keras_seg.typing import IgnoreClass


def CPNet(
    num_classes: int,
    backbone: str | keras.Model = "resnet50",
    output_stride: int = 8,
    auxiliary_head: bool = False,
    *,
    prior_size: Sequence[int] | None,
    filters: int = 512,
    kernel_size: int = 11,
    head_filters: int = 512,
    fused_prior: bool = False,
    ignore_class: IgnoreClass = 255,
    unary_weight: float = 1.0,
    global_weight: float = 1.0,
    dropout_rate: float = 0.1,
    align_corners: bool = False,
    auxiliary_dropout_rate: float | None = None,
    auxiliary_bias: bool = False,
    name: str = "cpnet",
) -> keras.Model:
    """CPNet: a dilated backbone, a context prior, and one convolution.

    The last level passes through a `ContextPriorLayer`, followed by a 3x3 convolution
    with batch norm and ReLU, dropout and the classifier.

    Args:
        num_classes: int. 1 for two classes, 0 and 1, predicted by a sigmoid.
        backbone: a name from `keras_seg.backbones.names()`, a feature pyramid, which
            keeps its own output stride, or any functional `keras.Model` on images.
        output_stride: 8, 16 or 32.
        auxiliary_head: bool. Whether to add an FCN head on the second-to-last level.
            It is for training only; the recommended weight of its loss is 0.4.
        prior_size: pair of ints, the rows and columns of the last level for the images
            to train on: `keras_seg.models.prior_size(crop, output_stride)`. Images of
            other sizes work too; see `ContextPriorLayer`. With None, the network has no
            context prior: it is the baseline of the paper's comparison, a fully
            convolutional network.
        filters: int. Channels of the aggregated features and of each of both contexts.
        kernel_size: odd int. Kernel size of the aggregation.
        head_filters: int. Channels of the last convolution.
        fused_prior: bool. Whether to compute the prior in blocks, so that memory grows
            linearly and not quadratically with its N pixels; see `fused_loss` of
            `ContextPriorLayer`. The weights are the same.
        ignore_class, unary_weight, global_weight: arguments of the fused affinity loss;
            see `keras_seg.losses.AffinityLoss`.
        dropout_rate: float in 0..1. Rate of dropping whole channels before the
            classifiers.
        align_corners: bool. Whether resizing of logits aligns corners; False as in the
            release.
        auxiliary_dropout_rate, auxiliary_bias: options of the auxiliary head; see
            `DecoderOptions`.
        name: str. Name of the model.

    Returns:
        A functional `keras.Model` from raw RGB images `(batch, height, width, 3)` in
        0..255, of any size, to a dict of:

        - "segmentation": float32 logits `(batch, height, width, num_classes)`;
        - "context_prior", for training only: logits `(batch, N, N)`, where N is the
          product of `prior_size`, for `keras_seg.losses.AffinityLoss`;
        - with `auxiliary_head`, "auxiliary", of the same shape as "segmentation".

        With `fused_prior`, the inputs are the pair of the image and the integer labels
        `(batch, height, width)`, and "context_prior" is the affinity loss of each
        image, `(batch,)`, for `keras_seg.losses.OutputLoss`. `inference_model(model)`
        takes only images. Without a context prior and an auxiliary head, the output is
        the tensor "segmentation".

    Raises:
        ValueError: If `num_classes` is not a positive integer, if the backbone is
            unknown or cannot have this output stride, if it has no level for the
            auxiliary head, or for the reasons listed in `ContextPriorLayer`.

    Example:
        ```python
        size = keras_seg.models.prior_size((240, 320), output_stride=8)
        model = CPNet(11, "resnet18", prior_size=size)
        model.compile(
            "sgd",
            loss={
                "segmentation": SegmentationCrossentropy(),
                "context_prior": AffinityLoss(size, num_classes=11),
            },
        )
        ```

    References:
        [Yu et al., 2020](https://arxiv.org/abs/2004.01547), section 3. The widths of
        the head are those of the released code.
    """
    num_classes = require_classes(num_classes)
    pyramid = resolve_backbone(backbone, output_stride)
    image = keras.Input(pyramid.input_shape[1:], name="image")
    *previous, last = extract_levels(pyramid, image).values()
    if auxiliary_head:
        require_level_for_auxiliary_head(previous, pyramid)

    inputs, outputs = image, {}
    x = NetworkTensor("encoder", name="encoder_features")(last.tensor)
    if prior_size is not None:
        loss, supervision = None, {}
        if fused_prior:
            labels = keras.Input(image.shape[1:3], dtype="int32", name="labels")
            inputs = [image, labels]
            supervision = {
                "labels": NetworkInput("labels", name="prior_labels")(labels)
            }
            loss = AffinityLoss(
                prior_size,
                max(num_classes, 2),  # of the labels
                ignore_class,
                unary_weight,
                global_weight,
            )
        layer = ContextPriorLayer(
            filters, prior_size, kernel_size, loss, name="context_prior_layer"
        )
        x, prior = layer(x, **supervision)
        target = None if fused_prior else "labels"
        outputs["context_prior"] = NetworkOutput(
            target, training_only=True, name="context_prior"
        )(prior)
    x = ConvNorm(head_filters, 3, name="bottleneck")(x)
    x = NetworkTensor("decoder", name="decoder_features")(x)
    outputs["segmentation"] = classify(
        x,
        image,
        last.multiple,
        num_classes,
        dropout_rate,
        align_corners,
        name="segmentation",
    )
    if auxiliary_head:
        has_rate = auxiliary_dropout_rate is not None
        outputs["auxiliary"] = fcn_head(
            previous[-1],
            previous[-1].tensor.shape[-1] // 4,
            image,
            num_classes,
            auxiliary_dropout_rate if has_rate else dropout_rate,
            align_corners,
            name="auxiliary",
            use_bias=auxiliary_bias,
        )
    if len(outputs) == 1:
        outputs = outputs["segmentation"]
    return keras.Model(inputs, outputs, name=name)
