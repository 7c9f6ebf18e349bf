import keras
from keras import ops

from keras_seg.ops import affinity_loss, sample_labels
from keras_seg.ops.labels import check_labels, require_ignore_class
from keras_seg.ops.sizes import require_size


@keras.saving.register_keras_serializable(package="keras_seg")
class AffinityLoss(keras.losses.Loss):
    """Teaches a context prior which pixels share a class (CPNet).

    A binary cross-entropy over all pairs of pixels, and precision, recall and
    specificity of each pixel's row of the prior; see `keras_seg.ops.affinity_loss` for
    the terms, and for which pixels have them. The map of true affinities, and all
    others of its size but the gradient, are never built.

    Args:
        prior_size: pair of ints, as of the `ContextPriorLayer`.
        num_classes: int, 2 or more. A network of one logit a pixel has 2.
        ignore_class: int, tuple of ints, or None. Pixels with such a label do not
            count.
        unary_weight: float. Of the cross-entropy.
        global_weight: float. Of the other three terms; with 0, the loss is the mean
            binary cross-entropy.
        name: str.
        reduction: str or None. How the losses of the images are reduced, as Keras's.
        dtype: str or None. float64, or float32 for all others.

    Call arguments:
        y_true: integer labels `(batch, height, width)`, of any size: they are sampled
            at row `floor(i * height / rows)`, and so for columns, as released.
        y_pred: prior logits `(batch, N, N)`, N the product of `prior_size`; computed in
            float32.
        sample_weight: None, or one weight an image, `(batch,)`.

    Returns:
        float32 scalar, the mean over the images; finite for finite logits.

    Raises:
        ValueError: If `prior_size` is not a pair of positive ints, `num_classes` is
            not an int of 2 or more, the shapes do not fit, or `ignore_class` is none of
            those; and for labels that are neither classes nor ignored, as
            `keras_seg.ops.labels` says.

    Example:

    ```python
    labels = keras.ops.zeros((2, 96, 80), "int32")
    prior = keras.random.normal((2, 120, 120))
    AffinityLoss(prior_size=(12, 10), num_classes=11)(labels, prior)
    ```

    Reference: [Yu et al., 2020](https://arxiv.org/abs/2004.01547), section 3.2.
    """

    def __init__(
        self,
        prior_size,
        num_classes,
        ignore_class=255,
        unary_weight=1.0,
        global_weight=1.0,
        name="affinity_loss",
        reduction="sum_over_batch_size",
        dtype=None,
    ):
        super().__init__(name=name, reduction=reduction)
        if not isinstance(num_classes, int) or num_classes < 2:
            raise ValueError(
                "`num_classes` must be an int of 2 or more, the classes of the labels: "
                "2 for a network of one logit a pixel, whose labels are 0 and 1. "
                f"Received: {num_classes=}"
            )
        self.precision = "float64" if dtype == "float64" else "float32"
        self.prior_size = require_size("prior_size", prior_size)
        self.num_classes = num_classes
        self.ignore_class = require_ignore_class(ignore_class)
        self.unary_weight = unary_weight
        self.global_weight = global_weight

    @property
    def dtype(self):
        # Keras makes labels of it too: in float16 they would lose digits.
        return self.precision

    def call(self, y_true, y_pred):
        """Returns the loss of each image, `(batch,)`."""
        labels = ops.cast(y_true, "int32")
        if len(labels.shape) == 4 and labels.shape[-1] == 1:
            labels = ops.squeeze(labels, axis=-1)
        self._check(labels.shape, y_pred.shape)
        check_labels(labels, self.ignore_class, self.num_classes)
        return affinity_loss(
            ops.cast(y_pred, self.precision),
            sample_labels(labels, self.prior_size),
            self.num_classes,
            self.ignore_class,
            self.unary_weight,
            self.global_weight,
        )

    def _check(self, labels, prior):
        pixels = self.prior_size[0] * self.prior_size[1]
        if len(labels) != 3 or len(prior) != 3 or tuple(prior[1:]) != (pixels, pixels):
            raise ValueError(
                "Labels must be (batch, height, width) and prior logits (batch, "
                f"{pixels}, {pixels}) for prior_size={self.prior_size}. Received: "
                f"labels {tuple(labels)}, prior {tuple(prior)}"
            )

    def get_config(self):
        return {
            "name": self.name,
            "prior_size": self.prior_size,
            "num_classes": self.num_classes,
            "ignore_class": self.ignore_class,
            "unary_weight": self.unary_weight,
            "global_weight": self.global_weight,
            "reduction": self.reduction,
            "dtype": self.precision,
        }
