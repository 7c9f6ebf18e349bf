import math

import keras

from keras_seg.losses.overlap_loss import OverlapLoss
from keras_seg.ops import tversky_loss


@keras.saving.register_keras_serializable(package="keras_seg")
class SegmentationTversky(OverlapLoss):
    """Tversky loss of logits: Dice with weights for false and for missed pixels.

    One minus the Tversky index of each class that has labels in the global batch, the
    mean over these classes. With `beta` above `alpha`, what is missed costs more than
    what is predicted falsely, which small objects need.

    Args:
        alpha: float, 0 or more. The weight of false pixels.
        beta: float, 0 or more. The weight of missed pixels. With 0.5 for both it is
            `SegmentationDice`.
        exponent: float above 0. The power of one minus the index, as in the focal
            Tversky loss: 0.75 there. With 1, classes count alike.
        ignore_class: int, tuple of ints, or None. Pixels with such a label do not
            count.
        name: str.
        **kwargs: `reduction` and `dtype`, see `SegmentationCrossentropy`.

    Call arguments:
        y_true, y_pred: see `SegmentationCrossentropy`.
        sample_weight: None, or weights that broadcast to the labels, one a pixel or, of
            shape `(batch,)`, one an image: by how much they count in the sums.

    Returns:
        float32 scalar in [0, 1], finite for finite logits; 0 where no pixel is valid.

    Raises:
        ValueError: If `alpha`, `beta` or `exponent` is outside its range, or both of
            the first are 0; or if shapes or `ignore_class` do not fit.

    Example:

    ```python
    model.compile("sgd", loss=SegmentationTversky(alpha=0.3, beta=0.7))
    ```

    Reference: [Salehi et al., 2017](https://arxiv.org/abs/1706.05721), section 2; the
    exponent of [Abraham and Khan, 2018](https://arxiv.org/abs/1810.07842).
    """

    def __init__(
        self,
        alpha=0.3,
        beta=0.7,
        exponent=1.0,
        ignore_class=255,
        name="segmentation_tversky",
        **kwargs,
    ):
        super().__init__(ignore_class, name, **kwargs)
        finite = all(0 <= x < math.inf for x in (alpha, beta, exponent))
        if not finite or not alpha + beta or not exponent:
            raise ValueError(
                "`alpha` and `beta` must be 0 or more, and not both 0, and `exponent` "
                f"above 0. Received: {alpha=}, {beta=}, {exponent=}"
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
