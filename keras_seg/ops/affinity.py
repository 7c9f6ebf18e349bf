"""The affinity loss of context priors, without a map of which pixels share a class."""

from keras import ops

from keras_seg.ops.precision import at_least_float32, wide_dtype
from keras_seg.ops.xla import xla_op

# Elements of the prior that are worked on at a time: they stay in a core's cache.
_BLOCK = 2**19
# No sum of probabilities counts as less, so that no logarithm is infinite.
_LEAST = 1e-37


@xla_op
def affinity_loss(
    logits,
    labels,
    num_classes,
    ignore_class=255,
    unary_weight=1.0,
    global_weight=1.0,
):
    """The affinity loss of each image, from prior logits and labels.

    With p the sigmoid of the logits, and a = 1 for two pixels of one class, else 0:

        unary        mean over pairs of -(a log p + (1 - a) log(1 - p))
        recall       -log(sum_j a p / sum_j a), and
        precision    -log(sum_j a p / sum_j p), for each row i, with a without i itself
        specificity  -log(sum_j (1 - a)(1 - p) / sum_j (1 - a)), for each row i

    The loss is the unary term plus, for each of the others, the mean over the rows that
    have it: a pixel alone in its class has neither recall nor precision, and an image
    of one class no specificity. Ignored pixels are in no sum, row or count. An image
    of ignored pixels has a loss of 0.

    Neither the affinities nor any other map of the logits' size is built: the rows are
    worked on in blocks, and once more for the gradient, which is the only such map.

    Args:
        logits: float tensor `(batch, pixels, pixels)`, of each pixel, the row, with
            each other. The number of pixels must be static.
        labels: integer tensor `(batch, pixels)` in 0..num_classes - 1; pixels with
            other labels, such as `ignore_class`, are ignored.
        num_classes: int.
        ignore_class: int or None. Ignored even where it is below `num_classes`.
        unary_weight: float.
        global_weight: float. Of the other three terms.

    Returns:
        float tensor `(batch,)`, float32 or wider, finite for finite logits.

    Example:

    ```python
    labels = keras.ops.array([[0, 0, 1, 1]])
    affinity_loss(keras.ops.zeros((1, 4, 4)), labels, 2)  # [3.47]: 0.69 + 4 log 2
    ```

    Reference: [Yu et al., 2020](https://arxiv.org/abs/2004.01547), equations 2 to 6;
    where the diagonal is left out is that of the released `affinity_loss.py`.
    """
    dtype = wide_dtype(logits)
    labels = ops.cast(labels, "int32")
    if ignore_class is not None:
        labels = ops.where(ops.equal(labels, ignore_class), -1, labels)
    one_hot = ops.one_hot(labels, num_classes, dtype=dtype)
    valid = ops.sum(one_hot, axis=-1)
    total = ops.sum(valid, axis=-1, keepdims=True)
    # Of each pixel's own class, itself included.
    members = ops.sum(one_hot * ops.sum(one_hot, axis=1, keepdims=True), axis=-1)
    has_same = ops.cast(members > 1, dtype)
    has_other = valid * ops.cast(members < total, dtype)

    @ops.custom_gradient
    def loss(logits):
        same, every, other, unary = _row_sums(logits, one_hot, valid)
        same, every, other = (ops.maximum(x, _LEAST) for x in (same, every, other))
        # Means over the pairs, and over the rows that have a term.
        pair_share = unary_weight / ops.maximum(total**2, 1)
        same_share = global_weight * _share(has_same)
        other_share = global_weight * _share(has_other)
        recall = ops.log(ops.maximum(members - 1, 1)) - ops.log(same)
        precision = ops.log(every) - ops.log(same)
        specificity = ops.log(ops.maximum(total - members, 1)) - ops.log(other)
        terms = (
            pair_share * unary
            + same_share * (recall + precision)
            + other_share * specificity
        )
        # The derivatives by a probability that is in the sum `same`, `every`, `other`.
        slopes = [-2 * same_share / same, same_share / every, other_share / other]

        def gradient(*args, upstream=None):
            upstream = ops.cast(args[0] if upstream is None else upstream, dtype)
            scale = upstream[:, None] * valid
            rows = [*slopes, ops.broadcast_to(pair_share, ops.shape(valid)), scale]
            return _gradient(logits, labels, valid, ops.stack(rows, axis=1))

        return ops.sum(terms, axis=-1), gradient

    return loss(logits)


def _share(mask):
    """The weights `(batch, pixels)` that make a sum the mean over a mask."""
    return mask / ops.maximum(ops.sum(mask, axis=-1, keepdims=True), 1)


def _row_sums(logits, one_hot, valid):
    """Sums over each valid row, 0 in others, as tensors `(batch, pixels)`.

    Returns:
        The sums of p over other pixels of the same class, of p over all pixels, of
        1 - p over those of other classes, and of the cross-entropy over all.
    """
    batch, classes = ops.shape(one_hot)[0], one_hot.shape[-1]
    pixels, rows, blocks = _blocks(logits)

    def add_block(block, sums):
        start = ops.minimum(block * rows, pixels - rows)
        z, e, p, q, is_self = _block(logits, start, rows)
        mine = ops.slice(one_hot, (0, start, 0), (batch, rows, classes))
        # Sums over each class of terms above 0: no difference loses digits.
        by_class = ops.matmul(ops.where(is_self, 0.0, p), one_hot)
        complement_by_class = ops.matmul(q, one_hot)
        itself = ops.sum(ops.where(is_self, p, 0.0), axis=-1)
        softplus = ops.maximum(z, 0) + ops.log1p(e)
        unary = ops.matmul(softplus, valid[..., None])[..., 0]
        unary = unary - ops.sum(ops.matmul(z, one_hot) * mine, axis=-1)
        found = [
            ops.sum(by_class * mine, axis=-1),
            ops.sum(by_class, axis=-1) + itself,
            ops.sum(complement_by_class * (1 - mine), axis=-1),
            unary,
        ]
        found = ops.stack(found, axis=1) * ops.sum(mine, axis=-1)[:, None]
        return ops.slice_update(sums, (0, 0, start), found)

    start = ops.zeros((batch, 4, pixels), one_hot.dtype)
    sums = ops.fori_loop(0, blocks, add_block, start)
    return [sums[:, index] for index in range(4)]


def _gradient(logits, labels, valid, rows_of):
    """The gradient by the logits.

    Args:
        rows_of: tensor `(batch, 5, pixels)`, for each row the slopes by probabilities
            in the sums `same`, `every` and `other`, the weight of a pair in the unary
            term, and what multiplies all of it.
    """
    batch = ops.shape(logits)[0]
    pixels, rows, blocks = _blocks(logits)

    def add_block(block, gradient):
        start = ops.minimum(block * rows, pixels - rows)
        _, _, p, q, is_self = _block(logits, start, rows)
        mine = ops.slice(labels, (0, start), (batch, rows))
        is_same = ops.equal(mine[:, :, None], labels[:, None, :])
        row = ops.slice(rows_of, (0, 0, start), (batch, 5, rows))
        same, every, other, pair, scale = (row[:, k, :, None] for k in range(5))
        slope = every + ops.where(is_same, ops.where(is_self, 0.0, same), other)
        unary = pair * ops.where(is_same, -q, p)
        found = scale * valid[:, None, :] * (unary + slope * p * q)
        return ops.slice_update(
            gradient, (0, start, 0), ops.cast(found, gradient.dtype)
        )

    return ops.fori_loop(0, blocks, add_block, ops.zeros_like(logits))


def _blocks(logits):
    """The number of pixels, of rows in a block, and of blocks.

    The last block begins early enough to be whole; it works out some rows again.
    """
    pixels = logits.shape[-1]
    rows = min(max(_BLOCK // pixels, 1), pixels)
    return pixels, rows, -(-pixels // rows)


def _block(logits, start, rows):
    """Some rows z of the logits, and what all is made of.

    Returns:
        z; exp(-|z|), which cannot overflow; the sigmoids of z and of -z, made of it;
        and where a pixel meets itself.
    """
    batch, pixels = ops.shape(logits)[0], logits.shape[-1]
    z = at_least_float32(ops.slice(logits, (0, start, 0), (batch, rows, pixels)))
    e = ops.exp(-ops.abs(z))
    larger, smaller = 1 / (1 + e), e / (1 + e)
    is_positive = z >= 0
    p = ops.where(is_positive, larger, smaller)
    q = ops.where(is_positive, smaller, larger)
    index = ops.arange(pixels, dtype="int32")
    is_self = ops.equal(start + ops.arange(rows, dtype="int32")[:, None], index)
    return z, e, p, q, is_self
