"""Feature-affinity distance between two feature maps."""

from keras import ops

from keras_seg.ops.gradients import once_differentiable
from keras_seg.ops.precision import at_least_float32, wide_dtype
from keras_seg.ops.xla import xla_op
from keras_seg.typing import Tensor

# Pairs of pixels per block, and the minimum rows of a block: with fewer rows, on maps
# of more than 8192 pixels, overhead dominates the matrix products.
_BLOCK, _LEAST_ROWS = 2**19, 64


@xla_op
def feature_affinity(a: Tensor, b: Tensor, order: int = 1) -> Tensor:
    """Computes the mean over all pairs of pixels of `|s_a - s_b| ** order`.

    s is the cosine similarity of the features of two pixels, including each pixel with
    itself. A pixel whose features are all 0 has a similarity of 0 with every pixel.

    The map of all pairs is never built. `order=2` uses a closed form. With A and B the
    normalized features, N x C, S their sum and D their difference, `A A' - B B' = (S D'
    + D S') / 2`, whose squared norm needs only S'S, D'D and S'D. It takes O(N C^2) time
    and O(N C) memory, and unlike `||A'A||^2 - 2 ||A'B||^2 + ||B'B||^2` it stays exact
    for similar A and B. `order=1` processes blocks of rows, and again for the gradient.
    It has no second derivative: differentiating its gradient raises an error.

    Args:
        a: float tensor `(batch, N, channels)`.
        b: float tensor `(batch, N, other channels)`.
        order: 1 or 2.

    Returns:
        float tensor `(batch,)`, float32 or wider.

    Raises:
        ValueError: If `order` is neither 1 nor 2.

    Example:
        ```python
        a = keras.random.normal((2, 100, 16))
        feature_affinity(a, 3 * a)  # [0, 0], as the length does not matter
        ```

    References:
        Wang et al., "Dual Super-Resolution Learning for Semantic Segmentation", CVPR
        2020, the feature affinity loss with p = 2 and q = 1; the closed form is
        original to this package.
    """
    if order not in (1, 2):
        raise ValueError(f"`order` must be 1 or 2. Received: {order=}")
    a, b = normalize_features(a), normalize_features(b)
    return _mean_square(a, b) if order == 2 else _mean_difference(a, b)


def normalize_features(x: Tensor) -> Tensor:
    """Scales the features of each pixel to unit length; features of 0 stay 0.

    The dot product of two pixels is then their cosine similarity.

    Args:
        x: float tensor `(..., channels)`.

    Returns:
        Tensor of the shape of `x`, float32 or wider.

    Example:
        `normalize_features(keras.ops.array([[3.0, 4.0]]))` is `[[0.6, 0.8]]`.
    """
    x = at_least_float32(x)
    # Divides by the largest first, so that squares neither overflow nor underflow.
    largest = ops.stop_gradient(ops.max(ops.abs(x), axis=-1, keepdims=True))
    x = x / ops.where(largest > 0, largest, 1)
    squares = ops.sum(x * x, axis=-1, keepdims=True)
    return x * ops.rsqrt(ops.where(squares > 0, squares, 1))


def _mean_square(a, b):
    """Returns the mean of `(A A' - B B') ** 2` of each image, in closed form."""
    share = 1 / ops.cast(ops.shape(a)[1], a.dtype)
    # Channels of zeros do not change similarities.
    channels = max(a.shape[-1], b.shape[-1])
    a, b = (ops.pad(x, [(0, 0), (0, 0), (0, channels - x.shape[-1])]) for x in (a, b))
    total, difference = a + b, a - b
    # Divides before multiplying, so that no sum can overflow.
    squares = _products(total, total * share) * _products(
        difference, difference * share
    )
    mixed = _products(total, difference * share)
    sums = squares + mixed * ops.transpose(mixed, (0, 2, 1))
    means = ops.sum(sums, axis=(1, 2)) / 2
    # Rounding may make it negative. `maximum` would lose float64 on PyTorch.
    return ops.where(means > 0, means, 0.0)


def _products(a, b):
    """Returns `A' B` of each image."""
    return ops.einsum("bnc,bnd->bcd", a, b)


def _mean_difference(a, b):
    """Returns the mean of `|A A' - B B'|` of each image, by blocks of rows."""
    dtype = wide_dtype(a)

    @once_differentiable("feature_affinity(order=1)")
    def mean(a, b):
        # Keeps an eager gradient tape from storing all intermediate results.
        a, b = ops.stop_gradient(a), ops.stop_gradient(b)
        batch, pixels, _ = ops.shape(a)
        share = 1 / ops.cast(pixels, dtype)
        blocks = _blocks(a), _blocks(b)

        def difference(rows):
            a_rows, b_rows = rows
            similarity = ops.einsum("brc,bnc->brn", a_rows, a)
            return similarity - ops.einsum("brc,bnc->brn", b_rows, b)

        def sums_of(rows):
            # Sums row by row, because float32 loses digits in sums of many terms.
            return ops.sum(ops.sum(ops.abs(difference(rows)), axis=2), axis=1) * share

        losses = ops.sum(ops.map(sums_of, blocks), axis=0) * share

        def gradient(upstream):
            # Each pair occurs twice, as a row and as a column.
            scale = (2 * ops.cast(upstream, dtype) * share)[:, None, None]

            def gradients_of(rows):
                signs = ops.sign(difference(rows))
                return (
                    ops.einsum("brn,bnc->brc", signs, a * share),
                    ops.einsum("brn,bnc->brc", signs, b * -share),
                )

            def join(x):
                x = ops.transpose(x, (1, 0, 2, 3))
                return ops.reshape(x, (batch, -1, x.shape[-1]))[:, :pixels] * scale

            by_a, by_b = ops.map(gradients_of, blocks)
            return join(by_a), join(by_b)

        return losses, gradient

    return mean(a, b)


def _blocks(x):
    """Splits `(batch, N, channels)` into `(blocks, batch, rows, channels)`.

    The last block is padded with rows of 0, whose similarities are 0 in both maps.
    """
    batch, pixels, channels = ops.shape(x)
    rows = _BLOCK // pixels
    if isinstance(pixels, int):
        rows = min(max(rows, _LEAST_ROWS), pixels)
    else:
        rows = ops.minimum(ops.maximum(rows, _LEAST_ROWS), pixels)
    x = ops.pad(x, [(0, 0), (0, -pixels % rows), (0, 0)])
    return ops.transpose(ops.reshape(x, (batch, -1, rows, channels)), (1, 0, 2, 3))
