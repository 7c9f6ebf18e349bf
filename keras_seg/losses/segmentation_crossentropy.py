from typing import Any

import keras
from keras import ops

from keras_seg.losses.segmentation_loss import SegmentationLoss
from keras_seg.ops.replicas import global_mean
from keras_seg.typing import ClassWeights, IgnoreClass


@keras.saving.register_keras_serializable(package="keras_seg")
class SegmentationCrossentropy(SegmentationLoss):
    """Cross-entropy of logits: the mean over the valid pixels of the global batch.

    `keras.losses.SparseCategoricalCrossentropy(ignore_class=...)` is the same on one
    device. On several devices it averages the means of the replicas, so that the loss
    depends on how ignored pixels are spread over them. This loss divides the sum over
    all replicas by their number of valid pixels. It is 0 without valid pixels.

    Args:
        ignore_class: int, tuple of ints, or None. Pixels with such a label are ignored.
        class_weights: sequence with one weight of at least 0 for each class, dict
            `{class: weight}` of all classes, or None. The loss is the weighted mean,
            divided by the sum of the weights. Use this instead of the `class_weight` of
            `fit`, which does not support pixel labels.
            `keras_seg.data.balanced_class_weights` computes weights from a data set.
        label_smoothing: float in [0, 1). The share of the target that is spread evenly
            over all classes.
        name: str.
        **kwargs: `reduction`, one of Keras's names of the mean, such as
            "sum_over_batch_size"; and `dtype`, where "float64" computes in float64 and
            everything else in float32.

    Call arguments:
        y_true: integer labels `(batch, height, width)`, or with a last axis of 1, in
            0..classes - 1 or of `ignore_class`. Or labels `(batch, height, width,
            classes)` of independent classes, 0 or 1 for each.
        y_pred: logits `(batch, height, width, classes)`. A single class stands for the
            logit of a sigmoid, whose labels are 0 and 1.
        sample_weight: None, or weights that broadcast to the labels: one per pixel, or
            of shape `(batch,)` for one per image. They are used like class weights.

    Returns:
        float32 scalar, finite for finite logits.

    Raises:
        ValueError: If `ignore_class`, `class_weights`, `label_smoothing` or `reduction`
            is invalid, if the number of class weights or the shapes of labels, logits
            and sample weights do not agree, or if a label is neither a class nor
            ignored (see `keras_seg.ops.labels`).

    Example:
        ```python
        model.compile("sgd", loss=SegmentationCrossentropy())
        ```
    """

    def __init__(
        self,
        ignore_class: IgnoreClass = 255,
        class_weights: ClassWeights = None,
        label_smoothing: float = 0.0,
        name: str = "segmentation_crossentropy",
        **kwargs: Any,
    ) -> None:
        super().__init__(ignore_class, class_weights, name, **kwargs)
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                f"`label_smoothing` must be in [0, 1). Received: {label_smoothing=}"
            )
        self.label_smoothing = label_smoothing

    def share(self, labels, logits, weights):
        losses = ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        return global_mean(self.smooth(losses, logits), weights)

    def smooth(self, losses, logits):
        """Computes the cross-entropies of smoothed targets from those of the labels."""
        if not self.label_smoothing:
            return losses
        uniform = ops.logsumexp(logits, axis=-1) - ops.mean(logits, axis=-1)
        return losses + self.label_smoothing * (uniform - losses)

    def get_config(self):
        return super().get_config() | {
            "class_weights": self.class_weights,
            "label_smoothing": self.label_smoothing,
        }
