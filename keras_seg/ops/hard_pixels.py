"""Online hard example mining: selection of the hard pixels of an image."""

import math

from keras import ops

from keras_seg.typing import Tensor


def hard_pixels(
    losses: Tensor, candidates: Tensor, threshold: float = 0.7, min_kept: float = 1 / 16
) -> Tensor:
    """Selects the pixels whose true class has a low predicted probability.

    Keeps the candidates of each image whose probability of the true class is below the
    threshold, and at least the hardest share `min_kept` of them, including ties. The
    selection in an image does not depend on other images, and so not on how a batch is
    split among devices.

    Args:
        losses: float tensor `(batch, height, width)`: `-log p` of the true class.
        candidates: bool tensor `(batch, height, width)`, the pixels to choose from.
        threshold: float in [0, 1], a probability. With 0, only the share is kept.
        min_kept: float in [0, 1]. The minimum share of an image's candidates to keep,
            rounded up.

    Returns:
        bool tensor `(batch, height, width)`, without a gradient.

    Example:
        ```python
        losses = -keras.ops.log(keras.ops.array([[[0.9, 0.8, 0.6, 0.1]]]))
        hard_pixels(losses, losses > 0)  # False, False, True, True
        ```

    References:
        [Wu et al., 2016](https://arxiv.org/abs/1604.04339), online bootstrapping of
        hard training pixels.
    """
    is_hard = losses > (-math.log(threshold) if threshold else math.inf)
    if min_kept:
        is_hard = ops.logical_or(
            is_hard, losses >= _least(losses, candidates, min_kept)
        )
    return ops.logical_and(is_hard, candidates)


def _least(losses, candidates, share):
    """Returns the smallest loss in each image's hardest share, `(batch, 1, 1)`."""
    shape = ops.shape(losses)
    pixels = shape[1] * shape[2]
    # Losses are not negative, so that -1 ranks other pixels last.
    ranked = ops.reshape(ops.where(candidates, losses, -1.0), (shape[0], pixels))
    most = _share_of(pixels, share)
    hardest, _ = ops.top_k(ranked, most)
    kept = _share_of(ops.sum(ops.cast(candidates, "int32"), axis=(1, 2)), share)
    last = ops.clip(kept - 1, 0, most - 1)
    return ops.take_along_axis(hardest, last[:, None], axis=1)[:, :, None]


def _share_of(number, share):
    """Returns a share of a number of pixels, rounded up, an int or integer tensor."""
    if isinstance(number, int):
        return math.ceil(share * number)
    return ops.cast(ops.ceil(share * ops.cast(number, "float32")), "int32")
