from typing import Any

import keras
import numpy as np
from keras import ops

from keras_seg.ops.labels import (
    agree,
    concrete,
    require_ignore_class,
    two_class_logits,
    unknown_label_message,
    unknown_pixels,
    valid_pixels,
    weights_of_pixels,
    whole_labels,
)
from keras_seg.ops.precision import widest_integers
from keras_seg.ops.replicas import sum_over_replicas
from keras_seg.ops.xla import stop_unless
from keras_seg.positive_integer import require_positive_integer
from keras_seg.typing import IgnoreClass

_UNCOUNTED = -1  # the label that Keras ignores
_FRACTIONS = (
    "`sample_weight` must be whole numbers, because pixels are counted as integers. "
    'Pass MeanIoU(..., dtype="float64") for fractions. Received: '
)


@keras.saving.register_keras_serializable(package="keras_seg")
class MeanIoU(keras.metrics.MeanIoU):
    """Mean intersection over union (mIoU) of logits.

    The predicted class is the one with the largest logit. Ignored pixels do not count,
    and classes that occur in no label and no prediction are left out of the mean.
    Counts are 64-bit integers, because the 32 bits of `keras.metrics.MeanIoU` overflow
    at 2^31 pixels, which is 1024 images of Cityscapes. On JAX, whose integers have 32
    bits unless `jax_enable_x64` is set, a second variable counts the overflows.

    Labels that are neither classes nor ignored are counted separately, and `result`
    raises an error for them.

    Of independent classes, a pixel may have any number: those whose logit is above 0.
    The IoU of each class is then that of its mask and the labels' mask.

    Args:
        num_classes: int. 1 for networks with one logit per pixel, which have the
            classes 0 and 1; class 1 is predicted where the logit is above 0.
        ignore_class: int, tuple of ints, or None. Pixels with such a label are ignored.
            Use the same value as in the loss.
        independent_classes: bool. Whether a pixel may have any number of the classes.
        name: str.
        **kwargs: `dtype` of the counts.

    Call arguments:
        y_true: integer labels `(batch, height, width)`; for independent classes,
            `(batch, height, width, num_classes)` of 0 and 1.
        y_pred: logits or probabilities `(batch, height, width, num_classes)`; with one
            class, or independent classes, it must be logits.
        sample_weight: None, or weights that broadcast to the labels: one per pixel, or
            of shape `(batch,)` for one per image. They must be whole numbers, unless
            `dtype` is a float dtype.

    Returns:
        `result` is a float32 scalar in [0, 1], 0 if nothing was counted.

    Raises:
        ValueError: If `num_classes` is not a positive integer, if `ignore_class` is
            invalid, or if labels or sample weights have another shape. Also in
            `result`, outside of a traced step, if there was a label that is neither a
            class nor ignored, or a weight that cannot be counted.

    Example:
        ```python
        metric = MeanIoU(val.num_classes)
        model.compile("sgd", loss, metrics=[metric])
        model.evaluate(batches)
        metric.class_iou()  # one number per class, NaN for absent classes
        ```
    """

    def __init__(
        self,
        num_classes: int,
        ignore_class: IgnoreClass = 255,
        name: str = "mean_iou",
        independent_classes: bool = False,
        **kwargs: Any,
    ) -> None:
        num_classes = require_positive_integer("num_classes", num_classes)
        self.outputs = num_classes
        self.independent_classes = independent_classes
        dtype = kwargs.pop("dtype", "int64")
        super().__init__(
            # The last class is the absence of an independent class.
            num_classes + 1 if independent_classes else max(num_classes, 2),
            name=name,
            dtype=widest_integers() if dtype == "int64" else dtype,
            ignore_class=_UNCOUNTED,
            sparse_y_true=True,
            sparse_y_pred=False,
            **kwargs,
        )
        self.ignored = require_ignore_class(ignore_class)
        self.unknown = self.add_weight(
            shape=(), initializer="zeros", dtype=self.dtype, name="unknown"
        )
        self.fractions = self.add_weight(
            shape=(), initializer="zeros", dtype=self.dtype, name="fractions"
        )
        self.overflows = None
        if self.dtype == "int32":
            self.overflows = self.add_weight(
                shape=(self.num_classes, self.num_classes),
                initializer="zeros",
                dtype="int32",
                name="overflows",
            )

    def reset_state(self):
        super().reset_state()
        for count in (self.unknown, self.fractions, self.overflows):
            if count is not None:
                count.assign(ops.zeros(count.shape, dtype=count.dtype))

    def update_state(self, y_true, y_pred, sample_weight=None):
        if sample_weight is not None and "int" in self.dtype:
            self._require_whole(sample_weight)
        labels, y_pred = whole_labels(y_true), ops.convert_to_tensor(y_pred)
        self._check_shapes(tuple(labels.shape), tuple(y_pred.shape))
        if len(labels.shape) == len(y_pred.shape) and not self.independent_classes:
            labels = ops.squeeze(labels, axis=-1)
        if sample_weight is not None:
            sample_weight = weights_of_pixels(sample_weight, labels, self.dtype)
        unknown = unknown_pixels(labels, self.ignored, self._num_labels())
        count = ops.sum(ops.cast(unknown, self.dtype))
        self.unknown.assign_add(ops.cast(count, self.dtype))  # sums of int32 may widen
        valid = valid_pixels(labels, self.ignored, self._num_labels())
        before = None if self.overflows is None else ops.copy(self.total_cm)
        if self.independent_classes:
            self._count_independent(labels, y_pred, valid, sample_weight)
        else:
            labels = ops.where(valid, labels, _UNCOUNTED)
            if self.outputs == 1:
                y_pred = two_class_logits(y_pred)
            if sample_weight is not None:  # Keras broadcasts single numbers only
                sample_weight = ops.broadcast_to(sample_weight, ops.shape(labels))
            super().update_state(labels, y_pred, sample_weight)
        if before is not None:
            # A batch has fewer than 2^31 pixels, so a lower count has overflowed.
            self.overflows.assign_add(ops.cast(self.total_cm < before, "int32"))

    def _require_whole(self, sample_weight):
        """Raises an error if weights of pixels cannot be counted as integers."""
        weights = ops.convert_to_tensor(sample_weight)
        if "float" not in keras.backend.standardize_dtype(weights.dtype):
            return
        is_whole = ops.equal(weights, ops.floor(weights))
        whole = ops.all(is_whole)
        found = concrete(whole)
        if found is None:
            stop_unless(whole, f"{_FRACTIONS}weights up to ", ops.max(weights))
            # Steps that XLA compiles go on, and `result` raises the error.
            count = ops.sum(ops.cast(ops.logical_not(is_whole), self.dtype))
            self.fractions.assign_add(ops.cast(count, self.dtype))
        elif not found:
            largest = float(ops.max(weights))
            raise ValueError(f"{_FRACTIONS}weights up to {largest}")

    def _check_shapes(self, labels, logits):
        if logits[-1] not in (None, self.outputs):
            raise ValueError(
                "`y_pred` must be logits of the metric's classes, (batch, height, "
                f"width, {self.outputs}). Received: {logits}"
            )
        if not self.independent_classes:
            if len(labels) == len(logits) and labels[-1] not in (None, 1):
                raise ValueError(
                    "Labels must be integers (batch, height, width). Received: "
                    f"{labels}. Pass independent_classes=True if a pixel may have "
                    "several classes, or the argmax of one-hot labels."
                )
            # Keras would count them pixel by pixel in another order.
            if not agree(labels, logits[:-1]):
                raise ValueError(
                    "Labels (batch, height, width) and `y_pred` (batch, height, width, "
                    f"classes) must agree. Received: labels {labels}, `y_pred` {logits}"
                )
            return
        unequal = [a != b for a, b in zip(labels, logits, strict=False) if a and b]
        if len(labels) != len(logits) or any(unequal):
            raise ValueError(
                "Labels of independent classes must have the shape of the logits. "
                f"Received: labels {labels}, logits {logits}"
            )

    def _num_labels(self):
        return 2 if self.independent_classes else self.num_classes

    def _count_independent(self, labels, logits, valid, sample_weight):
        """Counts hits, misses and false positives of each class."""
        weights = ops.cast(valid, self.dtype)
        if sample_weight is not None:
            weights = weights * sample_weight
        actual, found = ops.cast(labels == 1, self.dtype), logits > 0
        found = ops.cast(found, self.dtype)

        def count(pixels):
            return ops.cast(ops.sum(weights * pixels, axis=(0, 1, 2)), self.dtype)

        hits, misses = count(actual * found), count(actual * (1 - found))
        wrong = ops.pad(count((1 - actual) * found), [[0, 1]])
        hits = ops.eye(self.outputs, dtype=self.dtype) * hits
        rows = ops.concatenate([hits, misses[:, None]], axis=1)
        self.total_cm.assign_add(ops.concatenate([rows, wrong[None]], axis=0))

    def result(self):
        self._check_labels()
        self._check_weights()
        intersection, union = self._intersection_and_union()
        present = ops.cast(union > 0, "float32")
        iou = intersection / ops.where(union > 0, union, 1.0)
        return ops.sum(iou) / ops.maximum(ops.sum(present), 1.0)

    def class_iou(self) -> np.ndarray:
        """Returns the IoU by class, NumPy `(num_classes,)`, NaN for absent classes."""
        intersection, union = self._intersection_and_union()
        present = union > 0
        iou = ops.where(present, intersection / union, float("nan"))
        return ops.convert_to_numpy(iou)

    def _check_labels(self):
        found = concrete(ops.convert_to_tensor(self.unknown))
        if found is not None and found > 0:
            raise ValueError(
                unknown_label_message(
                    f"{int(found)} pixels with other labels since the metric was reset",
                    self.ignored,
                    self._num_labels(),
                )
            )

    def _check_weights(self):
        found = concrete(ops.convert_to_tensor(self.fractions))
        if found is not None and found > 0:
            raise ValueError(f"{_FRACTIONS}{int(found)} weights that are fractions")

    def _intersection_and_union(self):
        # Within a step, every replica has counted only its share of the batch.
        counts = sum_over_replicas(ops.convert_to_tensor(self.total_cm))
        if self.overflows is not None:
            overflows = ops.cast(self.overflows, "float32")
            counts = ops.cast(counts, "float32") + 2.0**32 * overflows
        intersection = ops.diagonal(counts)
        union = ops.sum(counts, axis=0) + ops.sum(counts, axis=1) - intersection
        if self.independent_classes:  # without the absence of classes
            intersection, union = intersection[:-1], union[:-1]
        return ops.cast(intersection, "float32"), ops.cast(union, "float32")

    def get_config(self):
        return {
            "num_classes": self.outputs,
            "ignore_class": self.ignored,
            "name": self.name,
            "independent_classes": self.independent_classes,
            "dtype": self.dtype,
        }
