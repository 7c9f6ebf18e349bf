"""Classes of the cells of a context prior, and scores of the prior."""

import collections

import keras
import numpy as np

from keras_seg.ops import sample_labels

_BLOCK = 2**20  # elements of the prior that are processed at a time
_BINS = 2**16  # of the histogram; values in one bin count as equal
_LEAST_RANGE = 1e-30  # keeps the scale of a constant prior finite

Scores = collections.namedtuple("Scores", "same different auc")


def cell_classes(labels, size, ignore_class):
    """Returns the classes of the cells of a prior, as the affinity loss samples them.

    Args:
        labels: integer array `(height, width)`.
        size: pair of ints, the rows and columns of cells.
        ignore_class: int. The label of ignored pixels.

    Returns:
        int64 array `(rows * columns,)`, row by row: the label in row
        `floor(i * height / rows)` and the corresponding column; -1 for labels that are
        ignored or negative.

    Example:
        `cell_classes(np.eye(4, dtype=int), (2, 2), 255)` is `[1, 0, 0, 1]`.
    """
    sampled = keras.ops.convert_to_numpy(sample_labels(labels[None], size))
    classes = sampled[0].astype("int64")
    return np.where(classes == ignore_class, -1, np.maximum(classes, -1))


def pair_scores(prior, classes):
    """Scores how well a prior separates pairs of cells that share a class from others.

    Pairs are ordered and consist of two different cells. The AUC is the probability
    that a random pair of the same class has a higher prior than a random pair of
    different classes, where equal values count half: 1 for perfect separation, 0.5 for
    chance. It is computed from a histogram of 65536 bins between the smallest and the
    largest prior, because sorting all pairs, 85 million for 96 x 96 cells, would take
    too much time and memory.

    Args:
        prior: float array `(N, N)`.
        classes: integer array `(N,)`. Cells with negative classes are ignored.

    Returns:
        `Scores` of three floats: the mean prior of pairs of the same class and of
        different classes, and the AUC; nan if there are no such pairs.

    Example:
        `pair_scores(np.array([[0, 0.2], [0.4, 0]]), np.array([0, 1]))` has 0.3 for
        `different` and nan for the other scores.
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
