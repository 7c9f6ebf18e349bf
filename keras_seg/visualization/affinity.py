"""Which cells share a class by the label, and how well a prior tells them apart."""

import collections

import keras
import numpy as np

from keras_seg.ops import sample_labels

_BLOCK = 2**20  # elements of the prior that are worked on at a time
_BINS = 2**16  # of a histogram: what falls into one counts as equal
_LEAST_RANGE = 1e-30  # so that the scale of a constant prior is finite

Scores = collections.namedtuple("Scores", "same different auc")


def cell_classes(labels, size, ignore_class):
    """The classes of the cells of a prior, those that the affinity loss sees.

    Args:
        labels: integer array `(height, width)`.
        size: pair of ints, the rows and columns of the prior.
        ignore_class: int.

    Returns:
        int64 array `(rows * columns,)`: the label in row `floor(i * height / rows)` and
        the like column, row by row; -1 for those that are ignored or negative.

    Example: `cell_classes(np.eye(4, dtype=int), (2, 2), 255)` is `[1, 0, 0, 1]`.
    """
    sampled = keras.ops.convert_to_numpy(sample_labels(labels[None], size))
    classes = sampled[0].astype("int64")
    return np.where(classes == ignore_class, -1, np.maximum(classes, -1))


def pair_scores(prior, classes):
    """Compares the pairs of cells that share a class with those that do not.

    Pairs are ordered, and of two different cells. The AUC is the probability that a
    random pair of one class has a higher prior than a random pair of two classes, where
    equal ones count half: 1 for a prior that tells them apart, 0.5 for chance. It comes
    from a histogram of 65536 bins between the least and the greatest prior, since
    sorting the pairs, 85 million for 96 x 96 cells, would take time and memory.

    Args:
        prior: float array `(N, N)`.
        classes: integer array `(N,)`; cells with negative ones are in no pair.

    Returns:
        `Scores` of three floats: the mean prior of pairs of the same class and of
        different classes, and the AUC; nan where there are no such pairs.

    Example: `pair_scores(np.array([[0, 0.2], [0.4, 0]]), np.array([0, 1]))` has 0.3
    for `different` and nan for the others.
    """
    cells, low = len(prior), float(prior.min())
    scale = (_BINS - 1) / max(float(prior.max()) - low, _LEAST_RANGE)
    step = max(_BLOCK // cells, 1)
    sums, counts = np.zeros(2), np.zeros((2, _BINS), "int64")
    for start in range(0, cells, step):
        block = prior[start : start + step].astype("float64")
        mine = classes[start : start + step, None]
        is_pair = (mine >= 0) & (classes >= 0)
        np.fill_diagonal(is_pair[:, start:], False)
        is_same = mine == classes
        bins = ((block - low) * scale).astype("int64")
        for kind, mask in enumerate((is_pair & is_same, is_pair & ~is_same)):
            sums[kind] += block[mask].sum()
            counts[kind] += np.bincount(bins[mask], minlength=_BINS)
    totals = counts.sum(axis=1).astype("float64")
    totals[totals == 0] = np.nan
    same, different = counts
    below = np.cumsum(different) - different / 2
    auc = same @ below / totals.prod()
    return Scores(*(sums / totals).tolist(), float(auc))
