import keras
from keras import ops

from keras_seg.ops import sum_over_replicas


@keras.saving.register_keras_serializable(package="keras_seg")
class SegmentationCrossentropy(keras.losses.Loss):
    """Cross-entropy of logits: the mean over the valid pixels of the global batch.

    `keras.losses.SparseCategoricalCrossentropy(ignore_class=...)` is the same on one
    device. On several it averages the means of the replicas, so that pixels count less
    on a replica with fewer of them, and the number of devices changes the loss. Here
    the sum over all replicas is divided by their number of valid pixels; without any,
    the loss is 0.

    Args:
        ignore_class: int or None. Pixels with this label do not count.
        class_weights: sequence of one weight a class, or None. With weights, the mean
            is the weighted one: the sum of the weights divides.
        label_smoothing: float in [0, 1). This share of the target is spread evenly over
            all classes.
        name: str.

    Call arguments:
        y_true: integer labels `(batch, height, width)` in 0..classes - 1 or
            `ignore_class`.
        y_pred: logits `(batch, height, width, classes)`; computed in float32.
        sample_weight: None, or weights that broadcast to the labels, one a pixel or, of
            shape `(batch,)`, one an image. They count as class weights do.

    Returns:
        float32 scalar, finite for finite logits.

    Raises:
        ValueError: If shapes, the number of `class_weights`, or `label_smoothing` do
            not fit.

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
        super().__init__(name=name, **kwargs)
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                f"`label_smoothing` must be in [0, 1). Received: {label_smoothing=}"
            )
        self.ignore_class = ignore_class
        self.class_weights = class_weights
        self.label_smoothing = label_smoothing

    # Not `call`: Keras would scale the result by one over the number of replicas and
    # multiply it by the sample weights, and both are done here already.
    def __call__(self, y_true, y_pred, sample_weight=None):
        labels = ops.cast(y_true, "int32")
        logits = ops.cast(y_pred, "float32")
        self._check(labels.shape, logits.shape)

        valid = ops.ones_like(labels, dtype="bool")
        if self.ignore_class is not None:
            valid = ops.not_equal(labels, self.ignore_class)
            labels = ops.where(valid, labels, 0)
        weights = ops.cast(valid, "float32")
        if self.class_weights is not None:
            table = ops.convert_to_tensor(self.class_weights, dtype="float32")
            weights = weights * ops.take(table, labels)
        if sample_weight is not None:
            sample_weight = ops.cast(sample_weight, "float32")
            missing = len(labels.shape) - len(sample_weight.shape)
            shape = [*ops.shape(sample_weight), *[1] * missing]
            weights = weights * ops.reshape(sample_weight, shape)

        total = sum_over_replicas(ops.sum(weights))
        # Divided before they are summed, so that no sum can overflow.
        weights = weights / ops.where(total > 0, total, 1.0)
        return ops.sum(weights * self._crossentropy(labels, logits))

    def _crossentropy(self, labels, logits):
        loss = ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        if self.label_smoothing:
            uniform = ops.logsumexp(logits, axis=-1) - ops.mean(logits, axis=-1)
            loss = loss + self.label_smoothing * (uniform - loss)
        return loss

    def _check(self, labels, logits):
        if len(logits) != len(labels) + 1 or any(
            a is not None and b is not None and a != b
            for a, b in zip(labels, logits[:-1], strict=True)
        ):
            raise ValueError(
                "Labels (batch, height, width) and logits (batch, height, width, "
                f"classes) must agree. Received: labels {tuple(labels)}, logits "
                f"{tuple(logits)}"
            )
        if self.class_weights is not None and len(self.class_weights) != logits[-1]:
            raise ValueError(
                f"`class_weights` must be one for each of the {logits[-1]} classes of "
                f"the logits. Received: {len(self.class_weights)} weights"
            )

    def get_config(self):
        return {
            "name": self.name,
            "ignore_class": self.ignore_class,
            "class_weights": self.class_weights,
            "label_smoothing": self.label_smoothing,
        }
