from typing import Any

import keras
from keras import ops

from keras_seg.losses.segmentation_loss import SegmentationLoss
from keras_seg.ops.replicas import global_mean
from keras_seg.typing import ClassWeights, IgnoreClass

# Lower bound of a power's base, because exponents below 1 have no finite slope at 0.
_LEAST = 1e-37


@keras.saving.register_keras_serializable(package="keras_seg")
class SegmentationFocalCrossentropy(SegmentationLoss):
    """Focal loss of logits: the mean over the valid pixels of the global batch.

    Multiplies the cross-entropy of each pixel by `(1 - p)^gamma`, where p is the
    probability of its class, so that easy pixels count little.

    Unlike this loss, `keras.losses.CategoricalFocalCrossentropy` needs one-hot labels,
    counts ignored pixels (rows of zeros) in its mean, and averages over replicas. It
    also clips probabilities, so that pixels with a probability below 1e-7 have no
    gradient.

    Args:
        gamma: float, 0 or more. With 0, the loss equals `SegmentationCrossentropy`.
        ignore_class: int, tuple of ints, or None. Pixels with such a label are ignored.
        class_weights: See `SegmentationCrossentropy`. The alpha of the paper.
        name: str.
        **kwargs: `reduction` and `dtype`; see `SegmentationCrossentropy`.

    Call arguments:
        y_true: See `SegmentationCrossentropy`.
        y_pred: See `SegmentationCrossentropy`.
        sample_weight: See `SegmentationCrossentropy`.

    Returns:
        float32 scalar, finite for finite logits; 0 if no pixel is valid.

    Raises:
        ValueError: If `gamma` is negative or not finite, or for the reasons of
            `SegmentationCrossentropy`.

    Example:
        ```python
        model.compile("sgd", loss=SegmentationFocalCrossentropy(gamma=2.0))
        ```

    References:
        [Lin et al., 2017](https://arxiv.org/abs/1708.02002), equation 5.
    """

    def __init__(
        self,
        gamma: float = 2.0,
        ignore_class: IgnoreClass = 255,
        class_weights: ClassWeights = None,
        name: str = "segmentation_focal_crossentropy",
        **kwargs: Any,
    ) -> None:
        super().__init__(ignore_class, class_weights, name, **kwargs)
        if not 0 <= gamma < float("inf"):
            raise ValueError(f"`gamma` must be finite and 0 or more. Received: {gamma}")
        self.gamma = gamma

    def share(self, labels, logits, weights):
        losses = ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        missing = ops.maximum(-ops.expm1(-losses), _LEAST)  # 1 - p, exact near 0
        return global_mean(losses * missing**self.gamma, weights)

    def get_config(self):
        return super().get_config() | {
            "gamma": self.gamma,
            "class_weights": self.class_weights,
        }
