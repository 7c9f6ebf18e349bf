"""The affinity loss of context priors, without a map of which pixels share a class."""

import collections
import math

import keras
from keras import ops

from keras_seg.ops.gradients import custom_gradient
from keras_seg.ops.indices import indices
from keras_seg.ops.labels import valid_pixels
from keras_seg.ops.precision import at_least_float32, wide_dtype
from keras_seg.ops.xla import xla_op

# Elements of the prior that are worked on at a time: they stay in a core's cache.
_BLOCK = 2**18
# No sum of probabilities counts as less, so that no logarithm is infinite.
_LEAST = 1e-37

# What labels say about pairs of pixels, in tensors `(batch, pixels)` but for `total`
# (batch, 1). `members` counts the pixels of each one's class, itself included;
# `has_same` and `has_other` are 1 where a pixel has a pair of that kind.
Pairs = collections.namedtuple("Pairs", "labels valid total members has_same has_other")


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
        ignore_class: int, sequence of ints, or None: see `valid_pixels`. Ignored even
            where it is below `num_classes`.
        unary_weight: float.
        global_weight: float. Of the other three terms.

    Returns:
        float tensor `(batch,)`, float32 or wider, finite for finite logits.

    Example:

    ```python
    labels = keras.ops.array([[0, 0, 1, 1]])
    affinity_loss(keras.ops.zeros((1, 4, 4)), labels, 2)  # [3.47]: 5 log 2
    ```

    Reference: [Yu et al., 2020](https://arxiv.org/abs/2004.01547), the affinity loss;
    where the diagonal is left out is that of the released `affinity_loss.py`.
    """
    dtype = wide_dtype(logits)
    pairs = pairs_of(labels, num_classes, ignore_class, dtype)
    pixels = logits.shape[-1]
    rows = _rows_of_blocks(pixels)

    @custom_gradient
    def loss(logits):
        # Else an eager tape would keep all that is worked out here.
        logits = ops.stop_gradient(logits)
        # Block by block over all images: this order makes the results' blocks whole
        # tensors without another copy.
        first_rows = (
            ops.arange(ops.shape(logits)[0] * pixels // rows, dtype="int32") * rows
        )

        def block_of(first_row):
            image, start = first_row // pixels, first_row % pixels
            z = ops.slice(logits, indices(image, start, 0), (1, rows, pixels))
            z = at_least_float32(z)
            return image, start, sigmoids(z, start)

        def sums_of(first_row):
            image, start, parts = block_of(first_row)
            return row_sums(_of_image(pairs, image), start, *parts)[0]

        sums = ops.transpose(ops.map(sums_of, first_rows), (1, 0, 2))
        sums = ops.transpose(ops.reshape(sums, (4, -1, pixels)), (1, 0, 2))
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


def sample_labels(labels, size):
    """Picks the labels of the cells of a prior, as the released code does.

    Args:
        labels: integer tensor `(batch, height, width)`.
        size: pair of ints, the rows and columns of the prior.

    Returns:
        int32 tensor `(batch, rows * columns)`: of row `floor(i * height / rows)` and
        the like column, row by row.

    Example: `sample_labels(keras.ops.ones((2, 9, 7)), (3, 2)).shape` is `(2, 6)`.
    """
    labels = ops.cast(labels, "int32")
    for axis, cells in enumerate(size, 1):
        index = ops.arange(cells, dtype="int32") * ops.shape(labels)[axis] // cells
        labels = ops.take(labels, index, axis=axis)
    return ops.reshape(labels, (-1, size[0] * size[1]))


def _rows_of_blocks(pixels):
    """How many rows a block has: the divisor of their number nearest to `_BLOCK`."""
    divisors = [n for n in range(1, pixels + 1) if pixels % n == 0]
    return min(divisors, key=lambda rows: abs(math.log(rows * pixels / _BLOCK)))


def _of_image(tensors, image):
    """Each tensor of a structure, of one image."""
    return keras.tree.map_structure(lambda x: x[image][None], tensors)


def pairs_of(labels, num_classes, ignore_class, dtype):
    """`Pairs` from labels `(batch, pixels)`."""
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
    """What all is made of, for a block of rows of the logits.

    Args:
        z: float tensor `(batch, rows, pixels)`.
        start: the first row's number.

    Returns:
        z; exp(-|z|), which cannot overflow; the sigmoids of z and of -z, made of it;
        and where a pixel meets itself.
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
    """Sums over a block of rows, `(batch, 4, rows)`, 0 in rows that are ignored.

    They are the sums of p over other pixels of the same class, of p over all pixels, of
    1 - p over those of other classes, and of the cross-entropy over all. All terms are
    above 0, so that no difference loses digits, but for the last sum.
    """
    rows = (ops.shape(z)[0], z.shape[1])
    is_same = _is_same(pairs, start, rows)
    columns = pairs.valid[:, None, :]
    p, q = p * columns, q * columns
    # log(1 + e) of several pixels is one logarithm of a product of at most 2^64.
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
    """Where a block's pixels share the class of others; ignored ones share theirs."""
    mine = ops.slice(pairs.labels, indices(0, start), rows)
    return ops.equal(mine[:, :, None], pairs.labels[:, None, :])


def losses_and_slopes(pairs, sums, unary_weight, global_weight):
    """The losses, and what their derivatives are made of.

    Args:
        sums: tensor `(batch, 4, pixels)` of `row_sums`.

    Returns:
        `(batch,)`, and `(batch, 4, pixels)`: for each row the derivatives by a
        probability in the first sum, in the second, by one of the third, and the weight
        of a pair in the unary term.
    """
    # Means over the pairs, and over the rows that have a term.
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
    """The gradient by a block of rows of the logits, of their shape."""
    batch, rows = ops.shape(z)[0], z.shape[1]
    is_same = _is_same(pairs, start, (batch, rows))
    row = ops.slice(slopes, indices(0, 0, start), (batch, 4, rows))
    # Not `[:, k, :, None]`: TensorFlow 2.15's optimizer of graphs loses the new axis.
    same, every, other, pair = (row[:, k][:, :, None] for k in range(4))
    slope = every + ops.where(is_same, ops.where(is_self, 0.0, same), other)
    unary = pair * ops.where(is_same, -q, p)
    scale = upstream[:, None, None] * pairs.valid[:, None, :]
    return scale * (unary + slope * p * q)


def _share(mask):
    """The weights `(batch, pixels)` that make a sum the mean over a mask."""
    return mask / ops.maximum(ops.sum(mask, axis=-1, keepdims=True), 1)
