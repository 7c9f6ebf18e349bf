import numpy as np
from numpy.typing import ArrayLike


def class_entropy(counts: ArrayLike) -> np.ndarray:
    """Returns the entropy of a distribution of classes, in nats.

    The entropy is -sum(p log p) over the classes, with the natural logarithm: 0 if all
    pixels belong to one class, log(num_classes) if all classes are equally frequent.

    Args:
        counts: array `(..., num_classes)` of numbers of pixels, or of shares.

    Returns:
        float64 array `(...)`, a scalar for one distribution; nan for distributions
        without pixels.

    Raises:
        ValueError: If `counts` has no axis, is empty along the last one, or holds
            values that are negative or not finite.

    Example:
        `class_entropy([[5, 5], [7, 0], [0, 0]])` is `[0.693..., 0, nan]`.

    References:
        [Choi et al., 2020](https://arxiv.org/abs/2003.05128), section 1.
    """
    counts = np.asarray(counts, "float64")
    if counts.ndim == 0 or counts.shape[-1] == 0:
        raise ValueError(
            "`counts` must be an array (..., num_classes). Received the shape "
            f"{counts.shape}"
        )
    if not np.isfinite(counts).all() or (counts < 0).any():
        raise ValueError(
            "`counts` must hold finite values of 0 or more. Received values in "
            f"{counts.min()}..{counts.max()}"
        )
    total = counts.sum(axis=-1, keepdims=True)
    shares = counts / np.where(total > 0, total, np.nan)
    # p log p tends to 0 as p does, but log(0) is infinite.
    logarithms = np.log(np.where(shares == 0, 1, shares))
    return np.abs(np.sum(shares * logarithms, axis=-1))  # abs avoids -0.0
