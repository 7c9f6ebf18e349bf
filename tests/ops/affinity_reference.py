"""Reference of the affinity loss in NumPy and float64, with all N x N maps."""

import numpy as np


def affinity_losses(logits, labels, ignore_class=255, unary=1.0, glob=1.0):
    """Returns the loss of arXiv 2004.01547 per image, with the released diagonal.

    Args:
        logits: `(batch, pixels, pixels)`.
        labels: `(batch, pixels)`.
    """
    pairs = zip(np.asarray(logits, "float64"), labels, strict=True)
    return np.array([_image(*pair, ignore_class, unary, glob) for pair in pairs])


def _image(z, labels, ignore_class, unary, glob):
    valid = labels != ignore_class
    z, labels = z[valid][:, valid], labels[valid]
    if not len(labels):
        return 0.0
    p = 1 / (1 + np.exp(-z))
    a = (labels[:, None] == labels).astype("float64")
    others = a * (1 - np.eye(len(labels)))
    loss = unary * np.mean(-(a * np.log(p) + (1 - a) * np.log(1 - p)))
    terms = {"recall": [], "precision": [], "specificity": []}
    for i in range(len(labels)):
        if others[i].any():
            same = (others[i] * p[i]).sum()
            terms["recall"].append(-np.log(same / others[i].sum()))
            terms["precision"].append(-np.log(same / p[i].sum()))
        if (a[i] == 0).any():
            apart = ((1 - a[i]) * (1 - p[i])).sum()
            terms["specificity"].append(-np.log(apart / (1 - a[i]).sum()))
    return loss + glob * sum(np.mean(term) for term in terms.values() if term)


def gradient(logits, labels, step=1e-5, **options):
    """Returns the gradient of the summed losses by central differences."""
    logits = np.array(logits, "float64")
    result = np.zeros_like(logits)
    for index in np.ndindex(logits.shape):
        value = logits[index]
        image = slice(index[0], index[0] + 1)
        ends = []
        for moved in (value + step, value - step):
            logits[index] = moved
            ends.append(affinity_losses(logits[image], labels[image], **options)[0])
        logits[index] = value
        result[index] = (ends[0] - ends[1]) / (2 * step)
    return result
