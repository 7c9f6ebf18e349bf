"""Affinity loss of context priors, computed without a map of true affinities."""

import collections
import math
from collections.abc import Sequence

import keras
from keras import ops

from keras_seg.ops.gradients import once_differentiable
from keras_seg.ops.indices import indices
from keras_seg.ops.labels import valid_pixels
from keras_seg.ops.precision import at_least_float32, wide_dtype
from keras_seg.ops.xla import xla_op
from keras_seg.typing import IgnoreClass, Tensor

# Elements of the prior per block, few enough for the cache of a core.
_BLOCK = 2**18
# Lower bound of sums of probabilities, which keeps logarithms finite.
_LEAST = 1e-37

# Statistics of the labels, tensors `(batch, pixels)` except `total`, `(batch, 1)`.
# `members` counts the pixels of each pixel's class, including itself; `has_same` and
# `has_other` are 1 for pixels with a partner in the same or in another class.
Pairs = collections.namedtuple("Pairs", "labels valid total members has_same has_other")


@xla_op
def affinity_loss(
    logits: Tensor,
    labels: Tensor,
    num_classes: int,
    ignore_class: IgnoreClass = 255,
    unary_weight: float = 1.0,
    global_weight: float = 1.0,
) -> Tensor:
    """Computes the affinity loss of each image from prior logits and labels.

    With p the sigmoid of the logits, and a = 1 for pixels of the same class, else 0:

        unary        mean over pairs of -(a log p + (1 - a) log(1 - p))
        recall       -log(sum_j a p / sum_j a), and
        precision    -log(sum_j a p / sum_j p), for each row i, with a = 0 for i itself
        specificity  -log(sum_j (1 - a)(1 - p) / sum_j (1 - a)), for each row i

    The loss is the unary term plus the means of the other terms over the rows that have
    them: a pixel that is alone in its class has neither recall nor precision, and an
    image of one class has no specificity. Ignored pixels are left out of all sums, rows
    and counts. An image of ignored pixels has a loss of 0.

    The rows are processed in blocks, and again for the gradient, which is the only map
    of the logits' size that is built. There is no second derivative: differentiating
    the gradient raises an error.

    Args:
        logits: float tensor `(batch, pixels, pixels)`; row i holds the logits of pixel
            i with all pixels. The number of pixels must be static.
        labels: integer tensor `(batch, pixels)` in 0..num_classes - 1; pixels with
            other labels, such as `ignore_class`, are ignored.
        num_classes: int.
        ignore_class: int, sequence of ints, or None; see `valid_pixels`. It may be
            below `num_classes`.
        unary_weight: float. The weight of the unary term.
        global_weight: float. The weight of the other three terms.

    Returns:
        float tensor `(batch,)`, float32 or wider, finite for finite logits.

    Example:
        ```python
        labels = keras.ops.array([[0, 0, 1, 1]])
        affinity_loss(keras.ops.zeros((1, 4, 4)), labels, 2)  # [3.47]: 5 log 2
        ```

    References:
        [Yu et al., 2020](https://arxiv.org/abs/2004.01547), the affinity loss; the
        diagonal is left out where the released `affinity_loss.py` does.
    """
    dtype = wide_dtype(logits)
    pixels = logits.shape[-1]
    if logits.shape[0] == 0:  # an empty batch has no first block for `ops.map`
        return ops.sum(at_least_float32(logits), axis=(1, 2))
    pairs = pairs_of(labels, num_classes, ignore_class, dtype)
    rows = _rows_of_blocks(pixels)

    @once_differentiable("affinity_loss")
    def loss(logits):
        # Keeps an eager gradient tape from storing all intermediate results.
        logits = ops.stop_gradient(logits)
        # Blocks of all images in this order can be joined without a copy.
        batch = ops.shape(logits)[0]
        first_rows = ops.arange(batch * pixels // rows, dtype="int32") * rows

        def block_of(first_row):
            image, start = first_row // pixels, first_row % pixels
            z = ops.slice(logits, indices(image, start, 0), (1, rows, pixels))
            z = at_least_float32(z)
            return image, start, sigmoids(z, start)

        def sums_of(first_row):
            image, start, parts = block_of(first_row)
            return row_sums(_of_image(pairs, image), start, *parts)[0]

        sums = ops.transpose(ops.map(sums_of, first_rows), (1, 0, 2))
        sums = ops.transpose(ops.reshape(sums, (4, batch, pixels)), (1, 0, 2))
        losses, slopes = losses_and_slopes(pairs, sums, unary_weight, global_weight)

        def gradient(upstream):
            upstream = ops.cast(upstream, dtype)

            def gradient_of(first_row):
                image, start, parts = block_of(first_row)
                mine = (_of_image(x, image) for x in (pairs, slopes, upstream))
                return ops.cast(row_gradient(*mine, start, *parts)[0], logits.dtype)

            found = ops.map(gradient_of, first_rows)
            return (ops.reshape(found, ops.shape(logits)),)

        return losses, gradient

    return loss(logits)


def sample_labels(labels: Tensor, size: Sequence[int]) -> Tensor:
    """Samples the labels of the cells of a prior, like the released code.

    Args:
        labels: integer tensor `(batch, height, width)`.
        size: pair of ints, the rows and columns of the prior.

    Returns:
        int32 tensor `(batch, rows * columns)`, row by row. Row i is sampled at `floor(i
        * height / rows)`, and likewise for columns.

    Example:
        `sample_labels(keras.ops.ones((2, 9, 7)), (3, 2)).shape` is `(2, 6)`.
    """
    labels = ops.cast(labels, "int32")
    for axis, cells in enumerate(size, 1):
        index = ops.arange(cells, dtype="int32") * ops.shape(labels)[axis] // cells
        labels = ops.take(labels, index, axis=axis)
    return ops.reshape(labels, (-1, size[0] * size[1]))


def _rows_of_blocks(pixels):
    """Returns the number of rows per block, the divisor that is nearest to `_BLOCK`."""
    divisors = [n for n in range(1, pixels + 1) if pixels % n == 0]
    return min(divisors, key=lambda rows: abs(math.log(rows * pixels / _BLOCK)))


def _of_image(tensors, image):
    """Selects one image from each tensor of a structure."""
    return keras.tree.map_structure(lambda x: x[image][None], tensors)


def pairs_of(labels, num_classes, ignore_class, dtype):
    """Returns the `Pairs` of labels `(batch, pixels)`."""
    labels = ops.cast(labels, "int32")
    labels = ops.where(valid_pixels(labels, ignore_class), labels, -1)
    one_hot = ops.one_hot(labels, num_classes, dtype=dtype)
    valid = ops.sum(one_hot, axis=-1)
    total = ops.sum(valid, axis=-1, keepdims=True)
    members = ops.sum(one_hot * ops.sum(one_hot, axis=1, keepdims=True), axis=-1)
    has_same = ops.cast(members > 1, dtype)
    has_other = valid * ops.cast(members < total, dtype)
    return Pairs(labels, valid, total, members, has_same, has_other)


def sigmoids(z, start):
    """Returns the sigmoids of a block of rows of the logits and their parts.

    Args:
        z: float tensor `(batch, rows, pixels)`, the logits of the block.
        start: index of the first row.

    Returns:
        Tuple of z; exp(-|z|), which cannot overflow; the sigmoids of z and of -z, which
        are derived from it; and a bool tensor that marks the diagonal.
    """
    rows, pixels = z.shape[1:]
    e = ops.exp(-ops.abs(z))
    larger = 1 / (1 + e)
    smaller = e * larger
    is_positive = z >= 0
    p = ops.where(is_positive, larger, smaller)
    q = ops.where(is_positive, smaller, larger)
    row = start + ops.arange(rows, dtype="int32")
    is_self = ops.equal(row[:, None], ops.arange(pixels, dtype="int32"))
    return z, e, p, q, is_self


def row_sums(pairs, start, z, e, p, q, is_self):
    """Returns four sums of each row of a block, `(batch, 4, rows)`; 0 if ignored.

    They are the sums of p over other pixels of the same class, of p over all pixels, of
    1 - p over pixels of other classes, and of the cross-entropy over all pixels. Except
    in the last sum, all terms are positive, so that no digits cancel.
    """
    rows = (ops.shape(z)[0], z.shape[1])
    is_same = _is_same(pairs, start, rows)
    columns = pairs.valid[:, None, :]
    p, q = p * columns, q * columns
    # Sums log(1 + e) of a group as one logarithm of a product of at most 2^64.
    group = max(n for n in range(1, 65) if z.shape[2] % n == 0)
    factors = ops.reshape(1 + e * columns, (*rows, z.shape[2] // group, group))
    logarithms = ops.sum(ops.log(ops.prod(factors, axis=-1)), axis=-1)
    above = ops.maximum(z, 0) * columns
    sums = [
        ops.sum(ops.where(is_same, ops.where(is_self, 0.0, p), 0.0), axis=-1),
        ops.sum(p, axis=-1),
        ops.sum(ops.where(is_same, 0.0, q), axis=-1),
        ops.sum(above - ops.where(is_same, z * columns, 0.0), axis=-1) + logarithms,
    ]
    valid = ops.slice(pairs.valid, indices(0, start), rows)
    return ops.stack(sums, axis=1) * valid[:, None]


def _is_same(pairs, start, rows):
    """Returns where pixels of a block have the class of others, `(batch, rows, N)`."""
    mine = ops.slice(pairs.labels, indices(0, start), rows)
    return ops.equal(mine[:, :, None], pairs.labels[:, None, :])


def losses_and_slopes(pairs, sums, unary_weight, global_weight):
    """Returns the losses and the derivatives of their terms.

    Args:
        pairs: `Pairs` of the labels.
        sums: tensor `(batch, 4, pixels)` of `row_sums`.
        unary_weight: See `affinity_loss`.
        global_weight: See `affinity_loss`.

    Returns:
        Pair of the losses `(batch,)` and a tensor `(batch, 4, pixels)`. For each row,
        it holds the derivatives with respect to a term of each of the first three sums,
        and the weight of a pair in the unary term.
    """
    # Weights of the means over pairs, and over the rows that have a term.
    pair_share = unary_weight / ops.maximum(pairs.total**2, 1) * pairs.valid
    same_share = global_weight * _share(pairs.has_same)
    other_share = global_weight * _share(pairs.has_other)
    same, every, other = (ops.maximum(sums[:, k], _LEAST) for k in range(3))
    others_in_class = ops.maximum(pairs.members - 1, 1)
    in_other_classes = ops.maximum(pairs.total - pairs.members, 1)
    recall = ops.log(others_in_class) - ops.log(same)
    precision = ops.log(every) - ops.log(same)
    specificity = ops.log(in_other_classes) - ops.log(other)
    terms = (
        pair_share * sums[:, 3]
        + same_share * (recall + precision)
        + other_share * specificity
    )
    slopes = [
        -2 * same_share / same,
        same_share / every,
        other_share / other,
        pair_share,
    ]
    return ops.sum(terms, axis=-1), ops.stack(slopes, axis=1)


def row_gradient(pairs, slopes, upstream, start, z, e, p, q, is_self):
    """Returns the gradient with respect to a block of rows of the logits."""
    batch, rows = ops.shape(z)[0], z.shape[1]
    is_same = _is_same(pairs, start, (batch, rows))
    row = ops.slice(slopes, indices(0, 0, start), (batch, 4, rows))
    # Not `[:, k, :, None]`: TensorFlow 2.15's graph optimizer drops the new axis.
    same, every, other, pair = (row[:, k][:, :, None] for k in range(4))
    slope = every + ops.where(is_same, ops.where(is_self, 0.0, same), other)
    unary = pair * ops.where(is_same, -q, p)
    scale = upstream[:, None, None] * pairs.valid[:, None, :]
    return scale * (unary + slope * p * q)


def _share(mask):
    """Returns weights `(batch, pixels)` that turn a sum into the mean over a mask."""
    return mask / ops.maximum(ops.sum(mask, axis=-1, keepdims=True), 1)
