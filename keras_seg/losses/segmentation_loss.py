import keras
from keras import ops

from keras_seg.losses.class_weights import require_class_weights
from keras_seg.ops import two_class_logits, valid_pixels
from keras_seg.ops.labels import (
    agree,
    check_labels,
    require_ignore_class,
    weights_of_pixels,
    whole_labels,
)

_REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "auto")


class SegmentationLoss(keras.losses.Loss):
    """Base class of the losses of integer labels and logits.

    The losses compute in float32 and refer to the global batch: the values of the
    replicas add up to the loss, as Keras adds them.

    One logit per pixel stands for two classes, 0 and 1, of which the first has a logit
    of 0. Labels with the rank of the logits are those of independent classes, 0 or 1
    for each class and pixel.

    Args:
        ignore_class: int, tuple of ints, or None. Pixels with such a label have weight
            0. So have invalid labels in steps that cannot raise an error; see
            `keras_seg.ops.labels`.
        class_weights: See `require_class_weights`.
        name: str.
        reduction: str. One of Keras's names of the mean, the only supported reduction.
        dtype: str or None. "float64" computes in float64, everything else in float32.
    """

    def __init__(
        self,
        ignore_class,
        class_weights,
        name,
        reduction="sum_over_batch_size",
        dtype=None,
    ):
        # Sums the shares of the replicas, whatever `reduction` is called.
        super().__init__(name=name, reduction="sum")
        if reduction not in _REDUCTIONS:
            raise ValueError(
                f"`reduction` must be one of {', '.join(_REDUCTIONS)}: the loss is the "
                f"mean over the pixels of the global batch. Received: {reduction=}"
            )
        self.mean_reduction = reduction
        self.precision = "float64" if dtype == "float64" else "float32"
        self.ignore_class = require_ignore_class(ignore_class)
        self.class_weights = require_class_weights(class_weights)

    def share(self, labels, logits, weights):
        """Returns this replica's share of the loss.

        Args:
            labels: int32 tensor `(batch, height, width)`, 0 for ignored pixels.
            logits: float tensor `(batch, height, width, classes)` of at least 2
                classes.
            weights: float tensor `(batch, height, width)`, 0 for ignored pixels.

        Returns:
            float scalar.
        """
        raise NotImplementedError

    def share_of_independent(self, labels, logits, weights):
        """Returns this replica's share of the loss of independent classes.

        Args:
            labels: int32 tensor `(batch, height, width, classes)` of 0 and 1.
            logits: float tensor of that shape.
            weights: float tensor of that shape, 0 for ignored pixels.

        Returns:
            float scalar.
        """
        # Treats each class of a pixel as a pixel of two classes.
        shape = ops.shape(labels)
        flat = (shape[0], shape[1], shape[2] * shape[3])
        labels, weights = (ops.reshape(x, flat) for x in (labels, weights))
        logits = two_class_logits(ops.reshape(logits, (*flat, 1)))
        return self.share(labels, logits, weights)

    # Overrides `__call__` and not `call`, because Keras would divide the result by the
    # number of replicas and multiply it by the sample weights once more.
    def __call__(self, y_true, y_pred, sample_weight=None):
        labels = whole_labels(y_true)
        logits = ops.cast(y_pred, self.precision)
        if len(labels.shape) == 4 and labels.shape[-1] == 1:
            labels = ops.squeeze(labels, axis=-1)
        self._check(labels.shape, logits.shape)

        independent = len(labels.shape) == 4
        if independent:
            classes = 2
        elif logits.shape[-1] == 1:
            logits, classes = two_class_logits(logits), 2
        else:
            classes = logits.shape[-1]
        check_labels(labels, self.ignore_class, classes)
        valid = valid_pixels(labels, self.ignore_class, classes)
        labels = ops.where(valid, labels, 0)
        weights = ops.cast(valid, self.precision)
        if self.class_weights is not None:
            table = ops.convert_to_tensor(self.class_weights, dtype=self.precision)
            weights = weights * (table if independent else ops.take(table, labels))
        if sample_weight is not None:
            weights = weights * weights_of_pixels(sample_weight, labels, self.precision)
        share = self.share_of_independent if independent else self.share
        return share(labels, logits, weights)

    def _check(self, labels, logits):
        if not (
            len(logits) == 4 and len(labels) in (3, 4) and agree(labels, logits[:-1])
        ) or (len(labels) == 4 and labels[-1] != logits[-1]):
            raise ValueError(
                "Labels (batch, height, width) and logits (batch, height, width, "
                "classes) must agree; labels of independent classes must have the "
                f"shape of the logits. Received: labels {tuple(labels)}, "
                f"logits {tuple(logits)}"
            )
        classes = logits[-1] if len(labels) == 4 else max(logits[-1], 2)
        if self.class_weights is not None and len(self.class_weights) != classes:
            raise ValueError(
                f"`class_weights` must have a weight for each of the {classes} classes "
                f"of the logits. Received: {len(self.class_weights)} weights"
            )

    def get_config(self):
        return {
            "name": self.name,
            "ignore_class": self.ignore_class,
            "reduction": self.mean_reduction,
            "dtype": self.precision,
        }
