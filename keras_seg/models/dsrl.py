from collections.abc import Sequence
from typing import Any

import keras

from keras_seg.models.decoder_options import DecoderOptions
from keras_seg.models.deeplab_v3_plus import DeepLabV3Plus
from keras_seg.models.dual_super_resolution import dual_super_resolution


def DSRL(
    num_classes: int,
    backbone: str | keras.Model = "resnet50",
    output_stride: int = 8,
    auxiliary_head: bool = False,
    scale: int = 2,
    *,
    extension: str = "light",
    extension_filters: Sequence[int] | None = None,
    reconstruction_filters: Sequence[int] = (64, 32, 16),
    affinity_order: int = 1,
    affinity_subscale: int = 8,
    name: str = "dsrl",
    **decoder: Any,
) -> keras.Model:
    """DSRL: DeepLabV3+ on low-resolution images with high-resolution supervision.

    The decoder predicts at `scale` times the size of the image (SSSR), a second branch
    reconstructs the image at that size from the decoder's input (SISR), and the feature
    affinity ties the last features of both branches. `inference_model(model)` keeps
    only the first branch. For other networks, see `dual_super_resolution`.

    Args:
        num_classes: int. 1 for two classes, 0 and 1, predicted by a sigmoid.
        backbone: a name from `keras_seg.backbones.names()`, a feature pyramid, which
            keeps its own output stride, or any functional `keras.Model` on images.
        output_stride: 8, 16 or 32.
        auxiliary_head: bool. Whether to add an FCN head on the second-to-last level.
            It is for training only; the recommended weight of its loss is 0.4.
        scale: int, 2 or more. Factor from the size of the input images to that of the
            segmentation.
        extension, extension_filters, reconstruction_filters, affinity_order,
            affinity_subscale: see `dual_super_resolution`.
        name: str. Name of the model.
        **decoder: `filters`, `separable` and others; see `DeepLabV3Plus`.

    Returns:
        A functional `keras.Model` from raw RGB images `(batch, height, width, 3)` in
        0..255, of any size, to a dict of:

        - "segmentation": float32 logits
          `(batch, scale * height, scale * width, num_classes)`;
        - "super_resolution": the image as RGB / 255, float32
          `(batch, scale * height, scale * width, 3)`;
        - "feature_affinity": float32 `(batch,)`;
        - with `auxiliary_head`, "auxiliary", of the same shape as "segmentation".

    Raises:
        TypeError: If a keyword argument is not an option of the decoder.
        ValueError: For the reasons listed in `DeepLabV3Plus` and
            `dual_super_resolution`.

    Example:
        ```python
        model = DSRL(11, "resnet18")
        model.compile(
            "sgd",
            loss={
                "segmentation": SegmentationCrossentropy(),
                "super_resolution": "mse",
                "feature_affinity": OutputLoss(),
            },
            loss_weights={
                "segmentation": 1.0,
                "super_resolution": 2.0,
                "feature_affinity": 1.0,
            },
        )
        model.fit(batches.map(named_targets(model, scale=2)))
        ```

    References:
        Wang et al., "Dual Super-Resolution Learning for Semantic Segmentation", CVPR
        2020, section 3.
    """
    options = DecoderOptions.of(decoder, "DSRL")
    network = DeepLabV3Plus(
        num_classes,
        backbone,
        output_stride,
        auxiliary_head,
        **decoder,
    )
    return dual_super_resolution(
        network,
        scale,
        extension=extension,
        extension_filters=extension_filters,
        reconstruction_filters=reconstruction_filters,
        affinity_order=affinity_order,
        affinity_subscale=affinity_subscale,
        dropout_rate=options.dropout_rate,
        name=name,
    )
