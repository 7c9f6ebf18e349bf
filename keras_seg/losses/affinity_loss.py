import keras
from keras import ops

from keras_seg.ops import affinity_loss, sample_labels
from keras_seg.ops.sizes import require_size
from keras_seg.ops.void import require_void


@keras.saving.register_keras_serializable(package="keras_seg")
class AffinityLoss(keras.losses.Loss):
    """Teaches a context prior which pixels share a class (CPNet).

    A binary cross-entropy over all pairs of pixels, and precision, recall and
    specificity of each pixel's row of the prior; see `keras_seg.ops.affinity_loss` for
    the terms, and for which pixels have them. The map of true affinities, and all
    others of its size but the gradient, are never built.

    Args:
        prior_size: pair of ints, as of the `ContextPriorLayer`.
        num_classes: int.
        ignore_class: int, tuple of ints, or None. Pixels with such a label do not
            count.
        unary_weight: float. Of the cross-entropy.
        global_weight: float. Of the other three terms; with 0, the loss is the mean
            binary cross-entropy.
        name: str.

    Call arguments:
        y_true: integer labels `(batch, height, width)`, of any size: they are sampled
            at row `floor(i * height / rows)`, and so for columns, as released.
        y_pred: prior logits `(batch, N, N)`, N the product of `prior_size`; computed in
            float32.
        sample_weight: None, or one weight an image, `(batch,)`.

    Returns:
        float32 scalar, the mean over the images; finite for finite logits.

    Raises:
        ValueError: If `prior_size` is no pair of positive ints, the shapes do not fit
            it, or `ignore_class` is none of those.

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
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.prior_size = require_size("prior_size", prior_size)
        self.num_classes = num_classes
        self.ignore_class = require_void(ignore_class)
        self.unary_weight = unary_weight
        self.global_weight = global_weight

    def call(self, y_true, y_pred):
        """The loss of each image, float32 `(batch,)`."""
        self._check(y_true.shape, y_pred.shape)
        losses = affinity_loss(
            y_pred,
            sample_labels(y_true, self.prior_size),
            self.num_classes,
            self.ignore_class,
            self.unary_weight,
            self.global_weight,
        )
        return ops.cast(losses, "float32")

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
        }
