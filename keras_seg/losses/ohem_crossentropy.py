import keras
from keras import ops

from keras_seg.losses.segmentation_crossentropy import SegmentationCrossentropy
from keras_seg.ops import hard_pixels
from keras_seg.ops.replicas import global_mean


@keras.saving.register_keras_serializable(package="keras_seg")
class OHEMCrossentropy(SegmentationCrossentropy):
    """Cross-entropy of the hard pixels alone: online hard example mining.

    Of each image those pixels count whose true class has a probability below the
    threshold, and in any case the hardest share of its valid pixels: the loss is the
    mean over what is kept in the global batch. So the large, easy areas of a street do
    not drown what is still to be learned. With `threshold=0`, the hardest share alone
    counts, which is known as bootstrapped cross-entropy.

    The share is one of each image. Elsewhere it is often a number of pixels of the
    batch on a device, which makes the number of devices change what is learned.

    Args:
        threshold: float in [0, 1]. Of the probability of the true class.
        min_kept: float in [0, 1]. The least share of an image's valid pixels, rounded
            up. Pixels as hard as the last of them are kept too.
        ignore_class, class_weights, label_smoothing: see `SegmentationCrossentropy`.
            Class and sample weights, and smoothing, have no part in which pixels are
            hard; but pixels of weight 0 are as ignored ones.
        name: str.
        **kwargs: `reduction` and `dtype`, see `SegmentationCrossentropy`.

    Call arguments:
        y_true, y_pred, sample_weight: see `SegmentationCrossentropy`.

    Returns:
        float32 scalar, finite for finite logits; 0 where no pixel is valid.

    Raises:
        ValueError: If `threshold` or `min_kept` are outside 0..1, and as
            `SegmentationCrossentropy`.

    Example:

    ```python
    model.compile("sgd", loss=OHEMCrossentropy(threshold=0.7, min_kept=1 / 16))
    ```

    Reference: [Wu et al., 2016](https://arxiv.org/abs/1604.04339), online bootstrapping
    of hard training pixels.
    """

    def __init__(
        self,
        threshold=0.7,
        min_kept=1 / 16,
        ignore_class=255,
        class_weights=None,
        label_smoothing=0.0,
        name="ohem_crossentropy",
        **kwargs,
    ):
        super().__init__(ignore_class, class_weights, label_smoothing, name, **kwargs)
        for argument, value in (("threshold", threshold), ("min_kept", min_kept)):
            if not 0 <= value <= 1:
                raise ValueError(f"`{argument}` must be in [0, 1]. Received: {value}")
        self.threshold = threshold
        self.min_kept = min_kept

    def share(self, labels, logits, weights):
        losses = ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        hard = hard_pixels(losses, weights > 0, self.threshold, self.min_kept)
        weights = ops.where(hard, weights, 0.0)
        return global_mean(self.smooth(losses, logits), weights)

    def get_config(self):
        return super().get_config() | {
            "threshold": self.threshold,
            "min_kept": self.min_kept,
        }
