"""Reference definitions of the losses in float64, pixel by pixel."""

import numpy as np


def log_softmax(logits):
    logits = np.asarray(logits, "float64")
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def crossentropy(labels, logits, voids=(255,), class_weights=None, smoothing=0.0):
    """Returns the weighted mean over the pixels that are not ignored."""
    classes = logits.shape[-1]
    total = weight_sum = 0.0
    flat = zip(labels.ravel(), log_softmax(logits).reshape(-1, classes), strict=True)
    for label, log_p in flat:
        if label in voids:
            continue
        target = np.full(classes, smoothing / classes)
        target[label] += 1 - smoothing
        weight = 1.0 if class_weights is None else class_weights[label]
        total -= weight * (target * log_p).sum()
        weight_sum += weight
    return total / weight_sum if weight_sum else 0.0


def focal(labels, logits, gamma, class_weights=None):
    total = weight_sum = 0.0
    classes = logits.shape[-1]
    flat = zip(labels.ravel(), log_softmax(logits).reshape(-1, classes), strict=True)
    for label, log_p in flat:
        if label != 255:
            weight = 1.0 if class_weights is None else class_weights[label]
            total -= weight * (1 - np.exp(log_p[label])) ** gamma * log_p[label]
            weight_sum += weight
    return total / weight_sum if weight_sum else 0.0


def kept(labels, logits, threshold, min_kept):
    """Returns labels in which pixels that are not hard are ignored, per image."""
    result = labels.copy()
    for index, (image, log_p) in enumerate(
        zip(labels, log_softmax(logits), strict=True)
    ):
        places = [place for place in np.ndindex(image.shape) if image[place] != 255]
        places.sort(key=lambda place: log_p[place][image[place]])
        least = int(np.ceil(min_kept * len(places)))
        for rank, place in enumerate(places):
            p = np.exp(log_p[place][image[place]])
            if rank >= least and not p < threshold:
                result[index][place] = 255
    return result


def dice(labels, logits, weights=None):
    """Returns one minus the mean coefficient of the classes that occur."""
    p = np.exp(log_softmax(logits))
    w = (labels != 255) * (1.0 if weights is None else weights)
    terms = []
    for c in range(logits.shape[-1]):
        y = labels == c
        if (w * y).sum():
            both = (w * p[..., c] * y).sum()
            terms.append(1 - 2 * both / ((w * p[..., c]).sum() + (w * y).sum()))
    return np.mean(terms) if terms else 0.0


def tversky(labels, logits, alpha, beta, exponent=1.0):
    """Returns one minus the mean index of the classes that occur, to a power."""
    p = np.exp(log_softmax(logits))
    valid = labels != 255
    terms = []
    for c in range(logits.shape[-1]):
        y = (labels == c)[valid]
        if y.any():
            q = p[..., c][valid]
            hits, false, missed = q[y].sum(), q[~y].sum(), (1 - q[y]).sum()
            index = hits / (hits + alpha * false + beta * missed)
            terms.append((1 - index) ** exponent)
    return np.mean(terms) if terms else 0.0


def jaccard_loss(wrong, labeled):
    """Returns the Jaccard loss of one class from sets of pixels, given as bools.

    `wrong` are the pixels that are predicted wrongly, `labeled` those of the class.
    """
    union = np.count_nonzero(wrong | labeled)
    return np.count_nonzero(wrong) / union if union else 0.0


def lovasz_softmax(labels, logits):
    """Computes the Lovász extension of `jaccard_loss` by definition, for one image.

    With the errors m sorted, the largest first, it is the sum of m_i times what the
    i-th pixel adds to the loss of those before it.
    """
    p = np.exp(log_softmax(logits))
    valid = labels != 255
    terms = []
    for c in range(logits.shape[-1]):
        labeled = (labels == c)[valid]
        if not labeled.any():
            continue
        errors = np.abs(labeled - p[..., c][valid])
        total, before, wrong = 0.0, 0.0, np.zeros(len(errors), bool)
        for pixel in np.argsort(-errors):
            wrong[pixel] = True
            now = jaccard_loss(wrong, labeled)
            total += errors[pixel] * (now - before)
            before = now
        terms.append(total)
    return np.mean(terms) if terms else 0.0
