from typing import Any

import keras
from keras import ops

from keras_seg.losses.segmentation_crossentropy import SegmentationCrossentropy
from keras_seg.ops import hard_pixels
from keras_seg.ops.replicas import global_mean
from keras_seg.typing import ClassWeights, IgnoreClass


@keras.saving.register_keras_serializable(package="keras_seg")
class OHEMCrossentropy(SegmentationCrossentropy):
    """Cross-entropy over hard pixels only: online hard example mining.

    Keeps the pixels of each image whose true class has a probability below the
    threshold, and at least the hardest share of its valid pixels. The loss is the mean
    over the kept pixels of the global batch, so that large, easy areas do not dominate.
    With `threshold=0`, only the hardest share counts, which is known as bootstrapped
    cross-entropy.

    The share refers to each image. A number of pixels per device, as in other
    implementations, would make the loss depend on the number of devices.

    Args:
        threshold: float in [0, 1]. Pixels whose true class is less probable are hard.
        min_kept: float in [0, 1]. The minimum share of an image's valid pixels to keep,
            rounded up. Pixels as hard as the last of them are kept too.
        ignore_class: See `SegmentationCrossentropy`.
        class_weights: See `SegmentationCrossentropy`. Class weights, sample weights and
            label smoothing do not change which pixels are hard, but pixels of weight 0
            are ignored.
        label_smoothing: See `SegmentationCrossentropy`.
        name: str.
        **kwargs: `reduction` and `dtype`; see `SegmentationCrossentropy`.

    Call arguments:
        y_true: See `SegmentationCrossentropy`.
        y_pred: See `SegmentationCrossentropy`.
        sample_weight: See `SegmentationCrossentropy`.

    Returns:
        float32 scalar, finite for finite logits; 0 if no pixel is valid.

    Raises:
        ValueError: If `threshold` or `min_kept` is outside 0..1, or for the reasons of
            `SegmentationCrossentropy`.

    Example:
        ```python
        model.compile("sgd", loss=OHEMCrossentropy(threshold=0.7, min_kept=1 / 16))
        ```

    References:
        [Wu et al., 2016](https://arxiv.org/abs/1604.04339), online bootstrapping of
        hard training pixels.
    """

    def __init__(
        self,
        threshold: float = 0.7,
        min_kept: float = 1 / 16,
        ignore_class: IgnoreClass = 255,
        class_weights: ClassWeights = None,
        label_smoothing: float = 0.0,
        name: str = "ohem_crossentropy",
        **kwargs: Any,
    ) -> None:
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
