import keras
from keras import ops

from keras_seg.ops.precision import widest_integers
from keras_seg.ops.replicas import sum_over_replicas
from keras_seg.ops.void import require_void, valid_pixels, void_labels


@keras.saving.register_keras_serializable(package="keras_seg")
class MeanIoU(keras.metrics.MeanIoU):
    """Mean intersection over union, straight from logits.

    Keras's metric with this field's conventions: the predicted class is the largest
    logit, pixels of the ignore class do not count, and neither do classes that occur in
    no label and no prediction. Counts are 64-bit integers: Keras's own 32 bits overflow
    at 2^31 pixels, which are 1024 images of Cityscapes. On JAX, whose integers have 32
    bits unless `jax_enable_x64` is set, a second variable counts the overflows.

    Args:
        num_classes: int.
        ignore_class: int, tuple of ints, or None: the labels that do not count, in the
            losses either.
        name: str.
        **kwargs: `dtype` of the counts.

    Call arguments:
        y_true: integer labels `(batch, height, width)`.
        y_pred: logits or probabilities `(batch, height, width, num_classes)`.

    Returns (`result`): float32 scalar in [0, 1]; 0 where nothing was counted.

    Raises:
        ValueError: If `ignore_class` is none of those.

    Example:

    ```python
    metric = MeanIoU(num_classes=11)
    model.compile("sgd", loss, metrics=[metric])
    model.evaluate(dataset)
    metric.class_iou()  # one number a class, NaN for absent classes
    ```
    """

    def __init__(self, num_classes, ignore_class=255, name="mean_iou", **kwargs):
        # Keras knows one void label: all others become the first.
        first, *_ = void_labels(ignore_class) or (None,)
        dtype = kwargs.pop("dtype", "int64")
        super().__init__(
            num_classes,
            name=name,
            dtype=widest_integers() if dtype == "int64" else dtype,
            ignore_class=first,
            sparse_y_true=True,
            sparse_y_pred=False,
            **kwargs,
        )
        self.void = require_void(ignore_class)
        self.overflows = None
        if self.dtype == "int32":
            self.overflows = self.add_variable(
                shape=(num_classes, num_classes),
                initializer="zeros",
                dtype="int32",
                name="overflows",
            )

    def update_state(self, y_true, y_pred, sample_weight=None):
        if self.void is not None:
            labels = ops.cast(y_true, "int32")
            y_true = ops.where(
                valid_pixels(labels, self.void), labels, self.ignore_class
            )
        before = None if self.overflows is None else ops.copy(self.total_cm)
        super().update_state(y_true, y_pred, sample_weight)
        if before is not None:
            # A batch has fewer than 2^31 pixels: what has become less went round.
            self.overflows.assign_add(ops.cast(self.total_cm < before, "int32"))

    def result(self):
        intersection, union = self._intersection_and_union()
        present = ops.cast(union > 0, "float32")
        iou = intersection / ops.maximum(union, 1.0)
        return ops.sum(iou) / ops.maximum(ops.sum(present), 1.0)

    def class_iou(self):
        """IoU by class as a NumPy array `(num_classes,)`, NaN for absent classes."""
        intersection, union = self._intersection_and_union()
        present = union > 0
        iou = ops.where(present, intersection / ops.maximum(union, 1.0), float("nan"))
        return ops.convert_to_numpy(iou)

    def _intersection_and_union(self):
        # Within a step every replica has counted its own share of the batch.
        counts = sum_over_replicas(ops.convert_to_tensor(self.total_cm))
        if self.overflows is not None:
            overflows = ops.cast(self.overflows, "float32")
            counts = ops.cast(counts, "float32") + 2.0**32 * overflows
        intersection = ops.diagonal(counts)
        union = ops.sum(counts, axis=0) + ops.sum(counts, axis=1) - intersection
        return ops.cast(intersection, "float32"), ops.cast(union, "float32")

    def get_config(self):
        return {
            "num_classes": self.num_classes,
            "ignore_class": self.void,
            "name": self.name,
            "dtype": self.dtype,
        }
