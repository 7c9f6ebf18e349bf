"""Context that a prior gathers from the pixels of an image."""

import math

from keras import ops

from keras_seg.ops.xla import xla_op


@xla_op(on_cpu=False)
def prior_context(prior_logits, values):
    """Gathers, for each pixel, values of its own class and of the others.

    With P the sigmoid of the logits and N pixels: `P X / N`, and `(1 - P) X / N`, which
    is the mean of X less the former.

    Args:
        prior_logits: float tensor `(batch, N, N)`.
        values: float tensor `(batch, N, channels)`.

    Returns:
        A pair of tensors like `values`: the intra-class and the inter-class context.

    Example:

    ```python
    intra, inter = prior_context(keras.ops.zeros((1, 6, 6)), keras.ops.ones((1, 6, 2)))
    # both are 0.5
    ```

    Reference: [Yu et al., 2020](https://arxiv.org/abs/2004.01547), the context prior
    layer; the division by N is that of the released code.
    """
    # The root on either side, since sums of N terms overflow float16, and values
    # divided by N fall below its smallest.
    root = math.sqrt(prior_logits.shape[-1])
    prior = ops.sigmoid(prior_logits) / root
    intra = ops.matmul(prior, values / root)
    return intra, ops.mean(values, axis=1, keepdims=True) - intra
