"""Context and affinity loss of a prior that is computed in blocks of rows."""

from keras import ops

from keras_seg.ceil_division import ceil_division
from keras_seg.ops.affinity import (
    losses_and_slopes,
    pairs_of,
    row_gradient,
    row_sums,
    sigmoids,
)
from keras_seg.ops.gradients import once_differentiable
from keras_seg.ops.indices import indices
from keras_seg.ops.precision import at_least_float32, wide_dtype
from keras_seg.ops.xla import xla_op
from keras_seg.typing import IgnoreClass, Tensor

# Rows of the prior per block. With fewer rows, adding to the gradients of the features
# and the kernel, once per block, takes most of the time.
_ROWS = 256


@xla_op
def fused_prior(
    x: Tensor,
    kernel: Tensor,
    bias: Tensor,
    labels: Tensor | None,
    num_classes: int | None,
    ignore_class: IgnoreClass = 255,
    unary_weight: float = 1.0,
    global_weight: float = 1.0,
) -> Tensor | tuple[Tensor, Tensor]:
    """Computes intra-class context and affinity loss of the prior `x @ kernel + bias`.

    Equals `prior_context` and `affinity_loss` of these logits, but needs memory that is
    only linear in the number of pixels N: each block of rows of the prior is discarded
    after use and computed again for the gradient. There is no second derivative:
    differentiating the gradient raises an error.

    Args:
        x: float tensor `(batch, N, channels)` with a static N.
        kernel: float tensor `(channels, N)`.
        bias: float tensor `(N,)`.
        labels: integer tensor `(batch, N)`, see `affinity_loss`; or None to compute
            only the context and return losses of 0.
        num_classes: See `affinity_loss`.
        ignore_class: See `affinity_loss`.
        unary_weight: See `affinity_loss`.
        global_weight: See `affinity_loss`.

    Returns:
        Pair of the context `sigmoid(x @ kernel + bias) @ x / N`, of the shape and dtype
        of `x`, and the losses `(batch,)`, float32 or wider.

    Example:
        ```python
        x, labels = keras.ops.ones((1, 6, 2)), keras.ops.zeros((1, 6), "int32")
        kernel, bias = keras.ops.zeros((2, 6)), keras.ops.zeros(6)
        context, losses = fused_prior(x, kernel, bias, labels, 3)  # context: 0.5
        ```

    References:
        [Yu et al., 2020](https://arxiv.org/abs/2004.01547); the fused computation is
        original to this package.
    """
    dtype = wide_dtype(x)
    pixels, channels = x.shape[1:]
    rows = min(_ROWS, pixels)
    blocks = ceil_division(pixels, rows)
    has_loss = labels is not None
    if has_loss:
        pairs = pairs_of(labels, num_classes, ignore_class, dtype)

    @once_differentiable("fused_prior")
    def fused(x, kernel, bias):
        # Keeps an eager gradient tape from storing all intermediate results.
        x, kernel, bias = map(ops.stop_gradient, (x, kernel, bias))
        batch = ops.shape(x)[0]
        values = at_least_float32(x) / pixels

        def block_of(block):
            # The last block starts early enough to be complete.
            start = ops.minimum(block * rows, pixels - rows)
            mine = ops.slice(x, indices(0, start, 0), (batch, rows, channels))
            z = at_least_float32(ops.matmul(mine, kernel) + bias)
            return start, mine, sigmoids(z, start)

        def rows_of(block):
            start, _, parts = block_of(block)
            _, _, p, _, _ = parts
            context = ops.matmul(p, values)
            return (context, row_sums(pairs, start, *parts)) if has_loss else (context,)

        # Uses maps instead of loops that update slices, an op that only XLA has.
        context, *sums = ops.map(rows_of, ops.arange(blocks))
        context = _join(ops.transpose(context, (1, 0, 2, 3)), pixels)
        losses = ops.zeros((batch,), dtype)
        if has_loss:
            sums = _join(ops.transpose(sums[0], (1, 0, 3, 2)), pixels)
            sums = ops.transpose(sums, (0, 2, 1))
            losses, slopes = losses_and_slopes(pairs, sums, unary_weight, global_weight)

        def gradient(by_context, by_losses):
            wide_kernel = at_least_float32(kernel)
            by_context = at_least_float32(by_context)
            by_losses = ops.cast(by_losses, dtype)

            def add_gradient(block, carried):
                by_rows, by_values, by_kernel, by_bias = carried
                start, mine, parts = block_of(block)
                _, _, p, q, _ = parts
                above = ops.slice(
                    by_context, indices(0, start, 0), (batch, rows, channels)
                )
                by_z = ops.einsum("brc,bnc->brn", above, values) * p * q
                if has_loss:
                    by_z = by_z + row_gradient(pairs, slopes, by_losses, start, *parts)
                by_mine = ops.einsum("brn,cn->brc", by_z, wide_kernel)
                # Masks rows of the last block that the block before it has counted.
                is_new = start + ops.arange(rows, dtype="int32") >= block * rows
                is_new = ops.cast(is_new, dtype)[:, None]
                by_z, above = by_z * is_new, above * is_new
                mine = at_least_float32(mine)
                return (
                    ops.slice_update(by_rows, indices(0, start, 0), by_mine),
                    by_values + ops.einsum("brn,brc->bnc", p, above) / pixels,
                    by_kernel + ops.einsum("brc,brn->cn", mine, by_z),
                    by_bias + ops.sum(by_z, axis=(0, 1)),
                )

            begin = (
                ops.zeros_like(values),
                ops.zeros_like(values),
                ops.zeros((channels, pixels), dtype),
                ops.zeros((pixels,), dtype),
            )
            by_rows, by_values, by_kernel, by_bias = ops.fori_loop(
                0, blocks, add_gradient, begin
            )
            return (
                ops.cast(by_rows + by_values, x.dtype),
                ops.cast(by_kernel, kernel.dtype),
                ops.cast(by_bias, bias.dtype),
            )

        return (ops.cast(context, x.dtype), losses), gradient

    return fused(x, kernel, bias)


def _join(blocks, pixels):
    """Joins blocks `(batch, blocks, rows, channels)` without repeated rows.

    The last block overlaps the one before it.
    """
    batch, _, rows, channels = ops.shape(blocks)
    last = pixels % rows or rows
    before = ops.reshape(blocks[:, :-1], (batch, pixels - last, channels))
    return ops.concatenate([before, blocks[:, -1, rows - last :]], axis=1)
