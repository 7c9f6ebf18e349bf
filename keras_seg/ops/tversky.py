"""The Tversky index of classes over the global batch, and with it Dice's."""

from keras import ops

from keras_seg.ops.replicas import num_replicas, sum_over_replicas

# Powers below 1 have no slope at 0.
_LEAST = 1e-37


def tversky_loss(probabilities, actual, weights, alpha=0.3, beta=0.7, exponent=1.0):
    """Returns one minus the Tversky index, the mean over the classes with labels.

    With p the probabilities, y the labels as 0 and 1, and w the weights, summed over
    all pixels of the global batch, on all replicas:

        hits    sum(w p y)
        false   sum(w p (1 - y))
        missed  sum(w (1 - p) y)
        index = hits / (hits + alpha false + beta missed)

    A class without a label has the index 0 and no gradient, whatever is predicted: it
    is left out. Without any label the loss is 0. With `alpha=beta=0.5` the index is the
    Dice coefficient, with `alpha=beta=1` the Jaccard index.

    Args:
        probabilities: float tensor `(batch, height, width, classes)`.
        actual: float tensor of that shape, 1 where a pixel has the class, else 0.
        weights: float tensor that broadcasts to that shape, 0 where pixels do not
            count.
        alpha: float. The weight of what is predicted and false.
        beta: float. The weight of what is missed.
        exponent: float. The power of `1 - index`: above 1, classes that are known well
            count less.

    Returns:
        float scalar: this replica's share of the loss, an equal one; see `global_mean`.

    Example: with a probability of 0.25 everywhere, for labels that all are of one
    class, `tversky_loss(p, y, w, 0.5, 0.5)` is 0.6: 1 - 2 * 1 / (1 + 4) of 4 pixels.

    Reference: [Salehi et al., 2017](https://arxiv.org/abs/1706.05721), equation 3; the
    exponent of [Abraham and Khan, 2018](https://arxiv.org/abs/1810.07842).
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
    hits, false, missed, labelled = ops.unstack(sum_over_replicas(sums), 4)
    is_there = labelled > 0
    errors = alpha * false + beta * missed
    # One minus the index, without a difference of near numbers.
    losses = errors / ops.where(is_there, hits + errors, 1.0)
    if exponent != 1:
        losses = ops.maximum(losses, _LEAST) ** exponent
    present = ops.cast(is_there, sums.dtype)
    loss = ops.sum(present * losses) / ops.maximum(ops.sum(present), 1.0)
    return loss / num_replicas()
