from collections.abc import Sequence

import keras
from keras import ops

from keras_seg.ops import affinity_loss, sample_labels
from keras_seg.ops.labels import (
    check_labels,
    require_ignore_class,
    weights_of_losses,
    whole_labels,
)
from keras_seg.ops.sizes import require_size
from keras_seg.typing import IgnoreClass


@keras.saving.register_keras_serializable(package="keras_seg")
class AffinityLoss(keras.losses.Loss):
    """Affinity loss of a context prior: which pixels share a class (CPNet).

    Adds the binary cross-entropy over all pairs of pixels and three terms for the
    precision, recall and specificity of each row of the prior; see
    `keras_seg.ops.affinity_loss` for the equations. The gradient is the only map of the
    prior's size that it builds.

    Args:
        prior_size: pair of ints. The `prior_size` of the `ContextPriorLayer`.
        num_classes: int, 2 or more; 2 for a network with one logit per pixel.
        ignore_class: int, tuple of ints, or None. Pixels with such a label are ignored.
        unary_weight: float. The weight of the cross-entropy.
        global_weight: float. The weight of the other three terms; with 0, the loss is
            the mean binary cross-entropy.
        name: str.
        reduction: str or None. Keras's reduction over the losses of the images.
        dtype: str or None. "float64" computes in float64, everything else in float32.

    Call arguments:
        y_true: integer labels `(batch, height, width)` of any size. They are sampled at
            row `floor(i * height / rows)`, and likewise for columns, as in the release.
        y_pred: prior logits `(batch, N, N)`, where N is the product of `prior_size`.
        sample_weight: None, or one weight per image, `(batch,)`.

    Returns:
        float32 scalar, the mean over the images, finite for finite logits.

    Raises:
        ValueError: If `prior_size` is not a pair of positive integers, if `num_classes`
            is not an integer of at least 2, if `ignore_class` is invalid, if the shapes
            of labels, logits and sample weights do not agree, or if a label is neither
            a class nor ignored.

    Example:
        ```python
        labels = keras.ops.zeros((2, 96, 80), "int32")
        prior = keras.random.normal((2, 120, 120))
        AffinityLoss(prior_size=(12, 10), num_classes=11)(labels, prior)
        ```

    References:
        [Yu et al., 2020](https://arxiv.org/abs/2004.01547), section 3.2.
    """

    def __init__(
        self,
        prior_size: Sequence[int],
        num_classes: int,
        ignore_class: IgnoreClass = 255,
        unary_weight: float = 1.0,
        global_weight: float = 1.0,
        name: str = "affinity_loss",
        reduction: str | None = "sum_over_batch_size",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction)
        if not isinstance(num_classes, int) or num_classes < 2:
            raise ValueError(
                "`num_classes` must be an integer of at least 2, the number of label "
                "classes; it is 2 for a network with one logit per pixel. "
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
        # Keras casts the labels to it too; float16 cannot represent all of them.
        return self.precision

    def __call__(self, y_true, y_pred, sample_weight=None):
        if sample_weight is not None:
            batch = ops.convert_to_tensor(y_pred).shape[:1]
            sample_weight = weights_of_losses(sample_weight, tuple(batch))
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true, y_pred):
        """Returns the loss of each image, `(batch,)`."""
        self._check_prior(tuple(y_pred.shape))
        return affinity_loss(
            ops.cast(y_pred, self.precision),
            self.cell_labels(y_true),
            self.num_classes,
            self.ignore_class,
            self.unary_weight,
            self.global_weight,
        )

    def cell_labels(self, labels):
        """Returns the labels of the cells of the prior, int32 `(batch, N)`.

        Args:
            labels: See `y_true`.

        Raises:
            ValueError: If labels have another shape, or if a label is neither a class
                nor ignored.
        """
        labels = whole_labels(labels)
        if len(labels.shape) == 4 and labels.shape[-1] == 1:
            labels = ops.squeeze(labels, axis=-1)
        if len(labels.shape) != 3:
            raise ValueError(
                "Labels must be (batch, height, width). Received the shape "
                f"{tuple(labels.shape)}"
            )
        check_labels(labels, self.ignore_class, self.num_classes)
        return sample_labels(labels, self.prior_size)

    def _check_prior(self, shape):
        pixels = self.prior_size[0] * self.prior_size[1]
        if len(shape) != 3 or shape[1:] != (pixels, pixels):
            raise ValueError(
                f"`y_pred` must be prior logits (batch, {pixels}, {pixels}) for "
                f"prior_size={self.prior_size}. Received the shape {shape}"
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
