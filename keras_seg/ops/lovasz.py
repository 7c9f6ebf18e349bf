"""Lovász-softmax loss, the Lovász extension of the Jaccard index."""

from keras import ops

from keras_seg.ops.replicas import global_mean
from keras_seg.typing import Tensor


def lovasz_loss(
    probabilities: Tensor, actual: Tensor, weights: Tensor, per_image: bool = True
) -> Tensor:
    """Computes the Lovász-softmax loss, the mean over the classes with labels.

    For each class, sorts the errors `|y - p|` of the pixels in descending order and
    multiplies each by the growth of the Jaccard loss when it is added to the errors
    before it. The growth is computed from running sums instead of differences, which
    would lose digits on large images. Pixels count in the Jaccard index by their
    weights.

    Args:
        probabilities: float tensor `(batch, height, width, classes)`.
        actual: float tensor of that shape, 1 where a pixel has the class, else 0.
        weights: float tensor that broadcasts to that shape, 0 for ignored pixels.
        per_image: bool. Whether to compute the index for each image and average over
            the global batch. False computes one index over all images of a replica and
            averages over replicas.

    Returns:
        Float scalar, this replica's share of the loss, see `global_mean`; 0 without
        labels.

    Example:
        ```python
        probabilities = keras.ops.softmax(keras.random.normal((2, 16, 16, 3)))
        actual = keras.ops.one_hot(keras.ops.zeros((2, 16, 16), "int32"), 3)
        lovasz_loss(probabilities, actual, weights=keras.ops.ones((2, 16, 16, 1)))
        ```

    References:
        [Berman et al., 2018](https://arxiv.org/abs/1705.08790), equations 8, 9 and 12,
        algorithm 1.
    """
    shape = ops.shape(actual)
    weights = ops.broadcast_to(weights, shape)
    images, pixels = shape[0], shape[1] * shape[2]
    # Not -1 for the pixels, which an empty batch leaves open.
    groups = (images, pixels) if per_image else (1, images * pixels)
    # (images or 1, classes, pixels)
    p, y, w = (
        ops.transpose(ops.reshape(x, (*groups, shape[3])), (0, 2, 1))
        for x in (probabilities, actual, weights)
    )
    # Errors without weight come last and do not count.
    errors = ops.where(w > 0, ops.abs(y - p), 0.0)
    errors, order = ops.top_k(errors, _pixels(errors))
    y, w = (ops.take_along_axis(x, order, axis=-1) for x in (y, w))
    losses = ops.sum(errors * ops.stop_gradient(_growth(y, w)), axis=-1)

    labeled = ops.sum(w * y, axis=-1)
    present = ops.cast(labeled > 0, losses.dtype)
    classes = ops.sum(present, axis=-1)
    losses = ops.sum(losses * present, axis=-1) / ops.maximum(classes, 1.0)
    counted = ops.sum(ops.cast(w > 0, losses.dtype), axis=(1, 2))
    share = ops.sum(w, axis=(1, 2)) / ops.maximum(counted, 1.0)
    return global_mean(losses, ops.where(classes > 0, share, 0.0))


def _growth(y, w):
    """Returns the growth of the Jaccard loss with each error, in their order.

    Args:
        y: float tensor `(..., pixels)` of 0 and 1, the labels.
        w: float tensor of that shape, the weights.
    """
    total = ops.sum(w * y, axis=-1, keepdims=True)
    # The intersection and union if all pixels so far are wrong.
    intersection = ops.maximum(total - ops.cumsum(w * y, axis=-1), 0.0)
    union = total + ops.cumsum(w * (1 - y), axis=-1)
    before = union - w * (1 - y)
    safe, safe_before = (ops.where(x > 0, x, 1.0) for x in (union, before))
    return w * (y / safe + (1 - y) * intersection / safe / safe_before)


def _pixels(x):
    """Returns the size of the last axis, an int if it is static."""
    return x.shape[-1] if x.shape[-1] is not None else ops.shape(x)[-1]
