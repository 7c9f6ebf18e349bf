import numpy as np
from PIL import Image, ImageFont

from keras_seg.ops.sizes import require_size
from keras_seg.visualization.affinity import cell_classes, pair_scores
from keras_seg.visualization.legend import BACKGROUND
from keras_seg.visualization.panels import WIDTH, draw_row, draw_text, fit, join
from keras_seg.visualization.points import check_points, points_of_classes
from keras_seg.visualization.prior_panels import draw_ideal, draw_image, draw_prior
from keras_seg.visualization.to_picture import to_picture

_FONT_SIZE = 15
_GAP = 20  # between panels
_PER_LINE = 4
_POINTS = 4  # chosen for those who name none
_LEAST_WIDTH = 200  # for an image with a row


def prior_chart(
    prior,
    prior_size,
    image,
    labels=None,
    points=None,
    ignore_class=255,
    class_names=None,
):
    """Draws what a context prior says: which cells of an image share a class.

    The first line is the image with numbered points, the learned prior, and with
    `labels` the ideal affinity map that it should equal: 1 where two cells share a
    class. With `labels` the cells of both maps are sorted by class, those that are
    ignored last, so that the ideal map is a diagonal of squares; without, they are in
    the order of the prior. Maps of more cells than pixels are averaged. The text below
    gives the range and the mean of the prior and, with `labels`, its means over pairs
    of two cells of the same class and of different classes, and the AUC: the
    probability that a pair of the first kind has the higher prior of the two.

    Then comes for each point the row of the prior that belongs to its cell, with the
    details of the image, though not its light and dark areas, which would look like
    high and low values. Rows have colour scales of their own, from the least to the
    greatest value, though never narrower than 0.01, because they differ in contrast;
    the scale of the maps is 0 to 1.

    Args:
        prior: float array `(N, N)` in 0..1, of one image: row i is the probability of
            cell i to share its class with each cell, where cells count row by row.
        prior_size: pair of ints, the rows and columns of cells; N is their product.
        image: `(height, width, 3)`, RGB in 0..255.
        labels: integers `(height, width)`, or None. A cell has the label of its upper
            left pixel, as in the affinity loss.
        points: sequence of (y, x), pixels of the image; or None for the inmost cell of
            each of the four most frequent classes, and without labels for four points
            between the centre and the corners.
        ignore_class: int. The label of what has no class; neither have negative ones.
        class_names: sequence of str, a name for each class, or None for numbers.

    Returns:
        uint8 array `(height, width, 3)`. `PIL.Image.fromarray(result).save("a.png")`
        writes it to a file.

    Example:

    ```python
    labels = np.arange(48).reshape(6, 8) // 16
    cells = labels[::2, ::2].ravel()
    prior = np.where(cells[:, None] == cells, 0.8, 0.1)
    chart = prior_chart(prior, (3, 4), np.zeros((6, 8, 3)), labels, points=[(1, 2)])
    ```

    Raises:
        ValueError: If a shape, a type or a value is not as above.

    Reference: [Yu et al., 2020](https://arxiv.org/abs/2004.01547), section 3.2.
    """
    size = require_size("prior_size", prior_size)
    prior = _check_prior(prior, size)
    image = to_picture(image)
    classes, names = None, None
    if labels is not None:
        labels = _check_labels(labels, image)
        classes = cell_classes(labels, size, ignore_class)
        names = _name_classes(classes, class_names)
    if points is None:
        points = _choose_points(classes, size, image)
    points = check_points(points, (image.height, image.width))

    font = ImageFont.load_default(size=_FONT_SIZE)
    panels = [draw_image(image, points, font), draw_prior(prior, classes, names, font)]
    if classes is not None:
        panels.append(draw_ideal(classes, font))
    first = join(panels, _GAP, axis=1)
    per_line = min(len(points), _PER_LINE)
    width = max((first.width + _GAP) // per_line - _GAP, _LEAST_WIDTH)
    rows = []
    for number, (y, x) in enumerate(points, 1):
        cell = y * size[0] // image.height * size[1] + x * size[1] // image.width
        row = prior[cell].astype("float64")
        name = f"pixel ({y}, {x})" if classes is None else names[classes[cell]]
        texts = f"{number}: {name}", _describe_row(row, cell, classes)
        limits = row.min(), row.max()
        place = image, (y, x), fit(image, min(width, WIDTH))
        rows.append(draw_row(row.reshape(size), limits, *place, *texts, font))
    lines = [
        first,
        draw_text([_describe(prior, classes)], font),
        draw_text(["Each point's row of the prior, over the image:"], font),
    ]
    for start in range(0, len(rows), per_line):
        lines.append(join(rows[start : start + per_line], _GAP, axis=1))
    content = join(lines, _GAP, axis=0)
    size = content.width + 2 * _GAP, content.height + 2 * _GAP
    picture = Image.new("RGB", size, BACKGROUND)
    picture.paste(content, (_GAP, _GAP))
    return np.array(picture)


def _check_prior(prior, size):
    prior, cells = np.asarray(prior), size[0] * size[1]
    if prior.shape != (cells, cells):
        raise ValueError(
            "`prior` must be (N, N) for one image, with N the product of `prior_size`. "
            f"Received: a prior of shape {prior.shape} and prior_size={size}, so that "
            f"N is {cells}"
        )
    if not (prior.min() >= 0 and prior.max() <= 1):  # false for nan too
        raise ValueError(
            "`prior` must hold probabilities in 0..1; of logits take the sigmoid. "
            f"Received values in {prior.min()}..{prior.max()}"
        )
    return prior


def _check_labels(labels, image):
    labels, shape = np.asarray(labels), (image.height, image.width)
    if labels.shape != shape or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            "`labels` must be integers (height, width) of the size of `image`, "
            f"{shape}, or None. Received: {labels.dtype} {labels.shape}"
        )
    return labels


def _name_classes(classes, class_names):
    """Returns the name of each class that occurs, and of -1."""
    present = np.unique(classes[classes >= 0]).tolist()
    if class_names is None:
        names = {index: f"class {index}" for index in present}
    elif present and present[-1] >= len(class_names):
        raise ValueError(
            "`class_names` must hold a name for each class of `labels`, or be None. "
            f"Received: {len(class_names)} names and the class {present[-1]}"
        )
    else:
        names = {index: str(class_names[index]) for index in present}
    return names | ({-1: "ignored"} if (classes < 0).any() else {})


def _choose_points(classes, size, image):
    """Returns points for those who name none."""
    if classes is None or not (classes >= 0).any():
        return [
            (image.height * row // 4, image.width * column // 4)
            for row in (1, 3)
            for column in (1, 3)
        ]
    return points_of_classes(classes, size, (image.height, image.width), _POINTS)


def _describe(prior, classes):
    """Returns the numbers of the whole prior."""
    mean = prior.mean(dtype="float64")
    text = f"prior {prior.min():.3f} to {prior.max():.3f}, mean {mean:.3f}"
    if classes is None:
        return text
    same, different, auc = pair_scores(prior, classes)
    kinds = {"the same class": same, "different classes": different}
    for kind, score in kinds.items():
        if not np.isnan(score):
            text += f"; of pairs of {kind} {score:.3f}"
    return text if np.isnan(auc) else f"{text}; AUC {auc:.3f}"


def _describe_row(row, cell, classes):
    """Returns the numbers of a row, none for a cell without a class."""
    if classes is None or classes[cell] < 0:
        return ""
    is_same = classes == classes[cell]
    is_different = (classes >= 0) & ~is_same
    is_same[cell] = False
    parts = []
    for name, mask in (("same class", is_same), ("different", is_different)):
        if mask.any():
            parts.append(f"{name} {row[mask].mean():.3f}")
    return ", ".join(parts)
