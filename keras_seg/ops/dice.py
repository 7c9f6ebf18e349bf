"""Dice loss of classes over the global batch."""

from keras import ops

from keras_seg.ops.tversky import tversky_loss
from keras_seg.typing import Tensor


def dice_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Computes one minus the mean Dice coefficient of the classes with labels.

    With p the softmax of the logits, y the one-hot labels and w the weights, summed
    over all pixels of the global batch on all replicas:

        dice_c = 2 sum(w p_c y_c) / (sum(w p_c) + sum(w y_c))

    Classes without labels are left out, because their coefficient is 0 and has no
    gradient. Without any label, the loss is 0.

    Args:
        logits: float tensor `(batch, height, width, classes)`.
        labels: integer tensor `(batch, height, width)` in 0..classes - 1.
        weights: float tensor `(batch, height, width)`, 0 for ignored pixels.

    Returns:
        Float scalar, this replica's equal share of the loss; see `global_mean`.

    Example:
        ```python
        logits, weights = keras.ops.zeros((1, 2, 2, 4)), keras.ops.ones((1, 2, 2))
        labels = keras.ops.zeros((1, 2, 2), "int32")
        dice_loss(logits, labels, weights)  # 0.6, that is 1 - 2 * 1 / (1 + 4)
        ```

    References:
        [Milletari et al., 2016](https://arxiv.org/abs/1606.04797), section 3, computed
        by class, and without squares in the denominator, as in Keras.
    """
    actual = ops.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
    probabilities = ops.softmax(logits, axis=-1)
    return tversky_loss(probabilities, actual, weights[..., None], 0.5, 0.5)
