import keras
from keras import ops

from keras_seg.ops import valid_pixels
from keras_seg.ops.void import require_void


class SegmentationLoss(keras.losses.Loss):
    """What the losses of integer labels and logits share.

    They compute in float32, weight pixels alike, and are of the global batch: the
    values of the replicas add up to the loss, as Keras adds them up.

    Args:
        ignore_class: int, tuple of ints, or None. Pixels with such a label weigh 0.
        class_weights: sequence of one weight a class, or None.
        name: str.
    """

    def __init__(self, ignore_class, class_weights, name):
        super().__init__(name=name, reduction="sum")
        self.ignore_class = require_void(ignore_class)
        self.class_weights = _checked_weights(class_weights)

    def share(self, labels, logits, weights):
        """This replica's share of the loss.

        Args:
            labels: int32 tensor `(batch, height, width)`, 0 where they are void.
            logits: float32 tensor `(batch, height, width, classes)`.
            weights: float32 tensor `(batch, height, width)`, 0 where they are void.

        Returns:
            float32 scalar.
        """
        raise NotImplementedError

    # Not `call`: Keras would scale the result by one over the number of replicas and
    # multiply it by the sample weights, and both are done here already.
    def __call__(self, y_true, y_pred, sample_weight=None):
        labels = ops.cast(y_true, "int32")
        logits = ops.cast(y_pred, "float32")
        self._check(labels.shape, logits.shape)

        valid = valid_pixels(labels, self.ignore_class)
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
        return self.share(labels, logits, weights)

    def _check(self, labels, logits):
        if (
            len(labels) != 3
            or len(logits) != 4
            or any(
                a is not None and b is not None and a != b
                for a, b in zip(labels, logits[:-1], strict=True)
            )
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
        return {"name": self.name, "ignore_class": self.ignore_class}


def _checked_weights(class_weights):
    if class_weights is None:
        return None
    weights = [float(weight) for weight in class_weights]
    if not all(0 <= weight < float("inf") for weight in weights):
        raise ValueError(
            f"`class_weights` must be finite and 0 or more. Received: {weights}"
        )
    return weights
