from typing import Any

import keras

from keras_seg.losses.overlap_loss import OverlapLoss
from keras_seg.ops import tversky_loss
from keras_seg.typing import IgnoreClass


@keras.saving.register_keras_serializable(package="keras_seg")
class SegmentationDice(OverlapLoss):
    """Dice loss of logits: the mean over the classes of the global batch.

    For each class with labels in the global batch, the loss is one minus twice the
    overlap of prediction and label, divided by the sum of both. Small classes count as
    much as large ones; see `keras_seg.ops.tversky_loss`. One logit per pixel stands for
    the two classes of its sigmoid.

    Unlike this loss, `keras.losses.Dice` needs one-hot labels and probabilities, counts
    predictions in ignored pixels as wrong, and averages the coefficients of the
    replicas. By class (`axis=(0, 1, 2)`), it counts absent classes as 1; without
    `axis`, large classes dominate.

    Args:
        ignore_class: int, tuple of ints, or None. Pixels with such a label are ignored.
        name: str.
        **kwargs: `reduction` and `dtype`; see `SegmentationCrossentropy`.

    Call arguments:
        y_true: See `SegmentationCrossentropy`.
        y_pred: See `SegmentationCrossentropy`.
        sample_weight: None, or weights that broadcast to the labels: one per pixel, or
            of shape `(batch,)` for one per image. They multiply the terms of the sums.

    Returns:
        float32 scalar in [0, 1], finite for finite logits; 0 if no pixel is valid.

    Raises:
        ValueError: If the shapes of labels, logits and sample weights do not agree, if
            `ignore_class` is invalid, or if a label is neither a class nor ignored.

    Example:
        Usually combined with the cross-entropy:

        ```python
        loss = WeightedSumLoss([SegmentationCrossentropy(), SegmentationDice()])
        model.compile("sgd", loss)
        ```

    References:
        [Milletari et al., 2016](https://arxiv.org/abs/1606.04797), section 3.
    """

    def __init__(
        self,
        ignore_class: IgnoreClass = 255,
        name: str = "segmentation_dice",
        **kwargs: Any,
    ) -> None:
        super().__init__(ignore_class, name, **kwargs)

    def share_of_areas(self, probabilities, actual, weights):
        return tversky_loss(probabilities, actual, weights, 0.5, 0.5)
