"""Online hard example mining: which pixels of an image are worth learning from."""

import math

from keras import ops


def hard_pixels(losses, candidates, threshold=0.7, min_kept=1 / 16):
    """The pixels whose class is predicted with little probability, or the worst ones.

    Of each image those are kept whose probability of the true class is below the
    threshold, and in any case this share of its candidates, the hardest ones; pixels
    as hard as the last of these are kept too. What is kept of an image depends on this
    image alone, and so not on how a batch is shared among devices.

    Args:
        losses: float tensor `(batch, height, width)`: `-log p` of the true class.
        candidates: bool tensor `(batch, height, width)`, of the pixels to choose from.
        threshold: float in [0, 1], a probability. With 0 only the share is kept.
        min_kept: float in [0, 1], the share of an image's candidates, rounded up.

    Returns:
        bool tensor `(batch, height, width)`; nothing is differentiated through it.

    Example: of four pixels with probabilities 0.9, 0.8, 0.6 and 0.1 the last two,

    ```python
    losses = -keras.ops.log(keras.ops.array([[[0.9, 0.8, 0.6, 0.1]]]))
    hard_pixels(losses, losses > 0)  # False, False, True, True
    ```

    Reference: [Wu et al., 2016](https://arxiv.org/abs/1604.04339), online bootstrapping
    of hard training pixels.
    """
    is_hard = losses > (-math.log(threshold) if threshold else math.inf)
    if min_kept:
        is_hard = ops.logical_or(
            is_hard, losses >= _least(losses, candidates, min_kept)
        )
    return ops.logical_and(is_hard, candidates)


def _least(losses, candidates, share):
    """The loss of the last pixel of each image's hardest share, `(batch, 1, 1)`."""
    shape = ops.shape(losses)
    pixels = shape[1] * shape[2]
    # Losses are 0 or more: what is no candidate comes last.
    ranked = ops.reshape(ops.where(candidates, losses, -1.0), (shape[0], pixels))
    most = _share_of(pixels, share)
    hardest, _ = ops.top_k(ranked, most)
    kept = _share_of(ops.sum(ops.cast(candidates, "int32"), axis=(1, 2)), share)
    last = ops.clip(kept - 1, 0, most - 1)
    return ops.take_along_axis(hardest, last[:, None], axis=1)[:, :, None]


def _share_of(number, share):
    """A share of a number of pixels, rounded up: an int, or an integer tensor."""
    if isinstance(number, int):
        return math.ceil(share * number)
    return ops.cast(ops.ceil(share * ops.cast(number, "float32")), "int32")
