import keras
from keras import ops

from keras_seg.losses.segmentation_loss import SegmentationLoss
from keras_seg.ops.replicas import global_mean

# Powers below 1 have no slope at 0.
_LEAST = 1e-37


@keras.saving.register_keras_serializable(package="keras_seg")
class SegmentationFocalCrossentropy(SegmentationLoss):
    """Focal loss of logits: the mean over the valid pixels of the global batch.

    The cross-entropy of a pixel, times `(1 - p)^gamma` with p the probability of its
    class: what is well known weighs little.

    `keras.losses.CategoricalFocalCrossentropy` wants one-hot labels; those of ignored
    pixels are rows of zeros, which lower its mean; replicas are averaged; and it clips
    probabilities, so that the most wrong pixels, below 1e-7, have no gradient at all.

    Args:
        gamma: float, 0 or more. With 0 it is `SegmentationCrossentropy`.
        ignore_class: int, tuple of ints, or None. Pixels with such a label do not
            count.
        class_weights: see `SegmentationCrossentropy`: the paper's alpha.
        name: str.
        **kwargs: `reduction` and `dtype`, see `SegmentationCrossentropy`.

    Call arguments:
        y_true, y_pred, sample_weight: see `SegmentationCrossentropy`.

    Returns:
        float32 scalar, finite for finite logits; 0 where no pixel is valid.

    Raises:
        ValueError: If `gamma` is not finite and 0 or more, and as
            `SegmentationCrossentropy`.

    Example:

    ```python
    model.compile("sgd", loss=SegmentationFocalCrossentropy(gamma=2.0))
    ```

    Reference: [Lin et al., 2017](https://arxiv.org/abs/1708.02002), equation 5.
    """

    def __init__(
        self,
        gamma=2.0,
        ignore_class=255,
        class_weights=None,
        name="segmentation_focal_crossentropy",
        **kwargs,
    ):
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
