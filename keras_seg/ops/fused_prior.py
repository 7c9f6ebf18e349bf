"""A context prior that is never whole: context and affinity loss by blocks of rows."""

from keras import ops

from keras_seg.ops.affinity import (
    blocks_of,
    losses_and_slopes,
    pairs_of,
    row_gradient,
    row_sums,
    sigmoids,
)
from keras_seg.ops.precision import at_least_float32, wide_dtype
from keras_seg.ops.xla import xla_op


@xla_op
def fused_prior(
    x,
    kernel,
    bias,
    labels,
    num_classes,
    ignore_class=255,
    unary_weight=1.0,
    global_weight=1.0,
):
    """Intra-class context and affinity loss of the prior `x @ kernel + bias`.

    The same as `prior_context` and `affinity_loss` on these logits, at a memory that
    grows linearly with the number of pixels N: each block of rows of the prior lives
    as long as it is worked on, and is made again for the gradient.

    Args:
        x: float tensor `(batch, N, channels)`, N static.
        kernel: float tensor `(channels, N)`.
        bias: float tensor `(N,)`.
        labels: integer tensor `(batch, N)`; see `affinity_loss`, as for what follows.

    Returns:
        The context `sigmoid(x @ kernel + bias) @ x / N`, of the shape and dtype of `x`;
        and the losses `(batch,)`, float32 or wider.

    Example:

    ```python
    x, labels = keras.ops.ones((1, 6, 2)), keras.ops.zeros((1, 6), "int32")
    kernel, bias = keras.ops.zeros((2, 6)), keras.ops.zeros(6)
    context, losses = fused_prior(x, kernel, bias, labels, 3)  # context: 0.5
    ```

    Reference: [Yu et al., 2020](https://arxiv.org/abs/2004.01547); the fused
    computation is of this package.
    """
    dtype = wide_dtype(x)
    pairs = pairs_of(labels, num_classes, ignore_class, dtype)
    pixels, channels = x.shape[1:]
    rows, blocks = blocks_of(pixels)

    @ops.custom_gradient
    def fused(x, kernel, bias):
        batch = ops.shape(x)[0]
        values = at_least_float32(x) / pixels

        def block_of(start):
            mine = ops.slice(x, (0, start, 0), (batch, rows, channels))
            z = at_least_float32(ops.matmul(mine, kernel) + bias)
            return mine, sigmoids(z, start)

        def add_rows(block, carried):
            sums, context = carried
            start = ops.minimum(block * rows, pixels - rows)
            _, parts = block_of(start)
            _, _, p, _, _ = parts
            found = row_sums(pairs, start, *parts)
            return (
                ops.slice_update(sums, (0, 0, start), found),
                ops.slice_update(context, (0, start, 0), ops.matmul(p, values)),
            )

        begin = ops.zeros((batch, 4, pixels), dtype), ops.zeros_like(values)
        sums, context = ops.fori_loop(0, blocks, add_rows, begin)
        losses, slopes = losses_and_slopes(pairs, sums, unary_weight, global_weight)

        def gradient(*args, upstream=None):
            wide_kernel = at_least_float32(kernel)
            by_context, by_losses = args if upstream is None else upstream
            by_context = at_least_float32(by_context)
            by_losses = ops.cast(by_losses, dtype)

            def add_gradient(block, carried):
                by_rows, by_values, by_kernel, by_bias = carried
                start = ops.minimum(block * rows, pixels - rows)
                mine, parts = block_of(start)
                _, _, p, q, _ = parts
                # Rows of the last block that the one before it had already.
                is_new = start + ops.arange(rows, dtype="int32") >= block * rows
                is_new = ops.cast(is_new, dtype)[:, None]
                above = ops.slice(by_context, (0, start, 0), (batch, rows, channels))
                by_p = ops.einsum("brc,bnc->brn", above, values)
                by_z = row_gradient(pairs, slopes, by_losses, start, *parts)
                by_z = by_z + by_p * p * q
                by_mine = ops.einsum("brn,cn->brc", by_z, wide_kernel)
                by_z, above = by_z * is_new, above * is_new
                mine = at_least_float32(mine)
                return (
                    ops.slice_update(by_rows, (0, start, 0), by_mine),
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
