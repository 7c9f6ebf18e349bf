"""Tversky loss of classes over the global batch."""

from keras import ops

from keras_seg.ops.replicas import num_replicas, sum_over_replicas
from keras_seg.typing import Tensor

# Lower bound of a power's base, because exponents below 1 have no finite slope at 0,
# and of the sums that divide.
_LEAST = 1e-37


def tversky_loss(
    probabilities: Tensor,
    actual: Tensor,
    weights: Tensor,
    alpha: float = 0.3,
    beta: float = 0.7,
    exponent: float = 1.0,
) -> Tensor:
    """Computes one minus the Tversky index, the mean over the classes with labels.

    With p the probabilities, y the labels as 0 and 1, and w the weights, summed over
    all pixels of the global batch on all replicas:

        hits    sum(w p y)
        false   sum(w p (1 - y))
        missed  sum(w (1 - p) y)
        index = hits / (hits + alpha false + beta missed)

    Classes without labels are left out, because their index is 0 and has no gradient.
    Without any label, the loss is 0. With `alpha=beta=0.5`, the index is the Dice
    coefficient; with `alpha=beta=1`, it is the Jaccard index. If the sum below the
    fraction is 0, which `beta=0` allows, the index is 0.

    Args:
        probabilities: float tensor `(batch, height, width, classes)`.
        actual: float tensor of that shape, 1 where a pixel has the class, else 0.
        weights: float tensor that broadcasts to that shape, 0 for ignored pixels.
        alpha: float. The weight of false positives.
        beta: float. The weight of false negatives.
        exponent: float. The power of `1 - index`. Above 1, classes that are predicted
            well count less.

    Returns:
        Float scalar, this replica's equal share of the loss; see `global_mean`.

    Example:
        ```python
        actual = weights = keras.ops.ones((1, 2, 2, 1))
        tversky_loss(0.25 * actual, actual, weights, 0.5, 0.5)  # 0.6
        ```

    References:
        [Salehi et al., 2017](https://arxiv.org/abs/1706.05721), equation 3; the
        exponent is from [Abraham and Khan, 2018](https://arxiv.org/abs/1810.07842).
    """
    pixels = (0, 1, 2)
    sums = ops.stack(
        [
            ops.sum(weights * probabilities * actual, axis=pixels),
            ops.sum(weights * probabilities * (1 - actual), axis=pixels),
            ops.sum(weights * (1 - probabilities) * actual, axis=pixels),
            ops.sum(weights * actual, axis=pixels),
        ]
    )
    hits, false, missed, labeled = ops.unstack(sum_over_replicas(sums), 4)
    is_there = labeled > 0
    errors = alpha * false + beta * missed
    # Computes one minus the index without cancellation. With `beta=0`, the total is 0
    # if no pixel of the class is hit.
    total = hits + errors
    has_total = total > _LEAST
    # Divides both by the same constant first, because JAX squares the denominator for
    # the gradient, which underflows.
    scale = ops.where(has_total, ops.stop_gradient(total), 1.0)
    ratio = (errors / scale) / ops.where(has_total, total / scale, 1.0)
    losses = ops.where(has_total, ratio, 1.0)
    if exponent != 1:
        losses = ops.maximum(losses, _LEAST) ** exponent
    present = ops.cast(is_there, sums.dtype)
    loss = ops.sum(present * losses) / ops.maximum(ops.sum(present), 1.0)
    return loss / num_replicas()
