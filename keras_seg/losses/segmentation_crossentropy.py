import keras
from keras import ops

from keras_seg.losses.segmentation_loss import SegmentationLoss
from keras_seg.ops.replicas import global_mean


@keras.saving.register_keras_serializable(package="keras_seg")
class SegmentationCrossentropy(SegmentationLoss):
    """Cross-entropy of logits: the mean over the valid pixels of the global batch.

    `keras.losses.SparseCategoricalCrossentropy(ignore_class=...)` is the same on one
    device. On several it averages the means of the replicas, so that pixels count less
    on a replica with fewer of them, and the number of devices changes the loss. Here
    the sum over all replicas is divided by their number of valid pixels; without any,
    the loss is 0.

    Args:
        ignore_class: int, tuple of ints, or None. Pixels with such a label do not
            count.
        class_weights: sequence of one weight for each class, 0 or more; or a dict
            `{class: weight}` of all classes; or None. With weights, the mean is the
            weighted one: the sum of the weights divides. (Keras's `class_weight` of
            `fit` refuses labels of pixels.) `keras_seg.data.balanced_class_weights`
            works them out of a data set.
        label_smoothing: float in [0, 1). This share of the target is spread evenly over
            all classes.
        name: str.
        **kwargs: `reduction`, one of Keras's names of the mean, such as
            "sum_over_batch_size"; `dtype`, "float64" where float32 is not enough.

    Call arguments:
        y_true: integer labels `(batch, height, width)` in 0..classes - 1 or of
            `ignore_class`; a last axis of 1 may follow. Or labels of independent
            classes, `(batch, height, width, classes)`, 0 or 1 for each.
        y_pred: logits `(batch, height, width, classes)`; computed in float32. With one
            class, these are of a sigmoid, and the labels are 0 and 1.
        sample_weight: None, or weights that broadcast to the labels, one a pixel or, of
            shape `(batch,)`, one an image. They count as class weights do.

    Returns:
        float32 scalar, finite for finite logits.

    Raises:
        ValueError: If shapes, `ignore_class`, `class_weights` or their number, or
            `label_smoothing` do not fit; and for labels that are neither classes nor
            ignored, as `keras_seg.ops.labels` says.

    Example:

    ```python
    model.compile("sgd", loss=SegmentationCrossentropy())
    ```
    """

    def __init__(
        self,
        ignore_class=255,
        class_weights=None,
        label_smoothing=0.0,
        name="segmentation_crossentropy",
        **kwargs,
    ):
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
        """The cross-entropies of smoothed targets from those of the labels."""
        if not self.label_smoothing:
            return losses
        uniform = ops.logsumexp(logits, axis=-1) - ops.mean(logits, axis=-1)
        return losses + self.label_smoothing * (uniform - losses)

    def get_config(self):
        return super().get_config() | {
            "class_weights": self.class_weights,
            "label_smoothing": self.label_smoothing,
        }
