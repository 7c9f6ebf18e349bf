import math
from typing import Any

import keras

from keras_seg.losses.overlap_loss import OverlapLoss
from keras_seg.ops import tversky_loss
from keras_seg.typing import IgnoreClass


@keras.saving.register_keras_serializable(package="keras_seg")
class SegmentationTversky(OverlapLoss):
    """Tversky loss of logits: Dice with weights for false positives and negatives.

    The mean of one minus the Tversky index over the classes with labels in the global
    batch. With `beta` above `alpha`, false negatives cost more than false positives,
    which helps small objects.

    Args:
        alpha: float, 0 or more. The weight of false positives.
        beta: float, 0 or more. The weight of false negatives. With 0.5 for both, the
            loss equals `SegmentationDice`.
        exponent: float above 0. The power of one minus the index, 0.75 in the focal
            Tversky loss. With 1, all classes count alike.
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
        ValueError: If `alpha`, `beta` or `exponent` is outside its range, if `alpha`
            and `beta` are both 0, if the shapes of labels, logits and sample weights do
            not agree, if `ignore_class` is invalid, or if a label is neither a class
            nor ignored.

    Example:
        ```python
        model.compile("sgd", loss=SegmentationTversky(alpha=0.3, beta=0.7))
        ```

    References:
        [Salehi et al., 2017](https://arxiv.org/abs/1706.05721), section 2; the exponent
        is from [Abraham and Khan, 2018](https://arxiv.org/abs/1810.07842).
    """

    def __init__(
        self,
        alpha: float = 0.3,
        beta: float = 0.7,
        exponent: float = 1.0,
        ignore_class: IgnoreClass = 255,
        name: str = "segmentation_tversky",
        **kwargs: Any,
    ) -> None:
        super().__init__(ignore_class, name, **kwargs)
        finite = all(0 <= x < math.inf for x in (alpha, beta, exponent))
        if not finite or not alpha + beta or not exponent:
            raise ValueError(
                "`alpha` and `beta` must be 0 or more and not both 0, and `exponent` "
                f"must be above 0. Received: {alpha=}, {beta=}, {exponent=}"
            )
        self.alpha, self.beta, self.exponent = alpha, beta, exponent

    def share_of_areas(self, probabilities, actual, weights):
        return tversky_loss(
            probabilities, actual, weights, self.alpha, self.beta, self.exponent
        )

    def get_config(self):
        return super().get_config() | {
            "alpha": self.alpha,
            "beta": self.beta,
            "exponent": self.exponent,
        }
