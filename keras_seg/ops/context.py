"""Context aggregation by a prior over the pixels of an image."""

import math

from keras import ops

from keras_seg.ops.xla import xla_op
from keras_seg.typing import Tensor


@xla_op(on_cpu=False)
def prior_context(prior_logits: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Aggregates, for each pixel, values of its own class and of the other classes.

    With P the sigmoid of the logits, X the values and N pixels, it computes `P X / N`
    and `(1 - P) X / N`; the latter is the mean of X minus the former.

    Args:
        prior_logits: float tensor `(batch, N, N)`.
        values: float tensor `(batch, N, channels)`.

    Returns:
        Pair of tensors of the shape of `values`: the intra-class and the inter-class
        context.

    Example:
        ```python
        prior, values = keras.ops.zeros((1, 6, 6)), keras.ops.ones((1, 6, 2))
        intra, inter = prior_context(prior, values)  # both are 0.5
        ```

    References:
        [Yu et al., 2020](https://arxiv.org/abs/2004.01547), the context prior layer;
        the division by N follows the released code.
    """
    # Divides both factors by the root of N: in float16, sums of N terms overflow, and
    # values divided by N underflow.
    root = math.sqrt(prior_logits.shape[-1])
    prior = ops.sigmoid(prior_logits) / root
    intra = ops.matmul(prior, values / root)
    return intra, ops.mean(values, axis=1, keepdims=True) - intra
