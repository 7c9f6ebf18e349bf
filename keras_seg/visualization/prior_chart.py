from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from keras_seg.ops.sizes import require_size
from keras_seg.visualization.affinity import cell_classes, pair_scores
from keras_seg.visualization.heat_maps import PALE, reduced, show_heat
from keras_seg.visualization.image_axes import (
    mark_points,
    panel_height,
    plain_axes,
    require_image,
    show_cells,
    show_image,
)
from keras_seg.visualization.points import check_points, points_of_classes

_WIDTH = 13  # inches
_MAP_HEIGHT = 5.2  # inches: height of the first line
_TEXT_HEIGHT = 0.9  # inches: height of a title and a scale
_PER_LINE = 4
_POINTS = 4  # number of points that are chosen automatically
_MOST_CELLS = 720  # largest number of rows and columns of a map
_LEAST_SQUARE = 0.03  # smallest share of a map that has room for a class name


def prior_chart(
    prior: np.ndarray,
    prior_size: Sequence[int],
    image: np.ndarray,
    labels: np.ndarray | None = None,
    points: Sequence[Sequence[int]] | None = None,
    ignore_class: int = 255,
    class_names: Sequence[str] | None = None,
) -> Figure:
    """Draws a context prior: which cells of an image share a class.

    The first line shows the image with numbered points, the learned prior, and with
    `labels` the ideal affinity map, which is 1 where two cells share a class. With
    `labels`, the cells of both maps are sorted by class, ignored ones last, so that the
    ideal map is a diagonal of squares; without, they are in the order of the prior.
    Maps of more than 720 cells are averaged. The title gives the range and mean of the
    prior and, with `labels`, its means over pairs of cells of the same class and of
    different classes, and the AUC: the probability that a random pair of the same class
    has a higher prior than a random pair of different classes.

    The following lines show, for each point, the row of the prior of its cell, over the
    details of the image. Light and dark areas of the image are removed, since they
    would look like high and low values. Each row has its own color scale, from its
    smallest to its largest value with a range of at least 0.01, because rows differ in
    contrast; the scale of the maps is 0 to 1.

    Args:
        prior: float array `(N, N)` in 0..1 of one image: row i holds the probabilities
            that cell i shares its class with each cell. Cells are counted row by row.
        prior_size: pair of ints, the rows and columns of cells; N is their product.
        image: array `(height, width, 3)`, RGB in 0..255.
        labels: integer array `(height, width)`, or None. A cell has the label of its
            upper left pixel, as in the affinity loss.
        points: sequence of (y, x), pixels of the image. None: the innermost cell of
            each of the four most frequent classes, or without labels four points
            between the center and the corners.
        ignore_class: int. The label of ignored pixels; negative labels are ignored too.
        class_names: sequence of str, a name for each class, or None for numbers.

    Returns:
        matplotlib `Figure`. `figure.savefig("a.png")` writes it to a file.

    Raises:
        ValueError: If a shape, dtype or value is not as above.

    Example:
        ```python
        labels = np.arange(48).reshape(6, 8) // 16
        cells = labels[::2, ::2].ravel()
        prior = np.where(cells[:, None] == cells, 0.8, 0.1)
        image = np.zeros((6, 8, 3))
        figure = prior_chart(prior, (3, 4), image, labels, points=[(1, 2)])
        ```

    References:
        [Yu et al., 2020](https://arxiv.org/abs/2004.01547), section 3.2.
    """
    size = require_size("prior_size", prior_size)
    prior = _check_prior(prior, size)
    image = require_image(image)
    sides = image.shape[:2]
    classes = None
    names: dict[int, str] = {}
    if labels is not None:
        labels = _check_labels(labels, image)
        classes = cell_classes(labels, size, ignore_class)
        names = _name_classes(classes, class_names)
    if points is None:
        points = _choose_points(classes, size, sides)
    points = check_points(points, sides)

    per_line = min(len(points), _PER_LINE)
    lines = -(-len(points) // per_line)
    line = panel_height(_WIDTH / per_line, sides) + _TEXT_HEIGHT
    heights = _MAP_HEIGHT, line * lines + 0.3
    figure = Figure((_WIDTH, sum(heights)), layout="constrained")
    whole, rows = figure.subfigures(2, 1, False, height_ratios=heights).ravel()
    whole.suptitle(_describe(prior, classes), fontsize="medium")
    rows.suptitle("Each point's row of the prior, over the image:", fontsize="medium")

    panels = whole.subplots(1, 2 if classes is None else 3)
    title = f"image\n{sides[0]} x {sides[1]} pixels"
    show_image(panels[0], image, title)
    mark_points(panels[0], points)
    _draw_prior(panels[1], prior, classes, names)
    if classes is not None:
        _draw_ideal(panels[2], classes)
    grid = rows.subplots(lines, per_line, squeeze=False).ravel()
    for axes in grid[len(points) :]:
        axes.set_axis_off()
    for number, (y, x) in enumerate(points, 1):
        cell = y * size[0] // sides[0] * size[1] + x * size[1] // sides[1]
        row = prior[cell].astype("float64")
        name = f"pixel ({y}, {x})" if classes is None else names[classes[cell]]
        title = f"{number}: {name}\n{_describe_row(row, cell, classes)}".rstrip()
        limits = row.min(), row.max()
        show_cells(grid[number - 1], row.reshape(size), limits, image, (y, x), title)
    return figure


def _draw_prior(axes, prior, classes, names):
    """Draws the learned prior of all cells, on a scale from 0 to 1."""
    cells = len(prior)
    order = np.arange(cells) if classes is None else _by_class(classes)
    # A few rows at a time, since a sorted copy may not fit into memory.
    shown = min(cells, _MOST_CELLS)
    chunks = np.split(order, np.arange(1, shown) * cells // shown)
    rows = [prior[chunk].mean(axis=0, dtype="float64")[order] for chunk in chunks]
    values = reduced(np.stack(rows).T, _MOST_CELLS).T
    show_heat(axes, values, (0, 1), extent=(0, cells, cells, 0))
    sorting = "row by row" if classes is None else "sorted by class"
    plain_axes(axes, f"learned prior\n{cells} x {cells} cells, {sorting}")
    if classes is None:
        return
    places, texts = [], []
    for index, name in names.items():
        first, last = np.flatnonzero(classes[order] == index)[[0, -1]]
        axes.axhline(first, xmin=-0.03, xmax=0, color="black", clip_on=False)
        if last + 1 - first >= _LEAST_SQUARE * cells:
            places.append((first + last + 1) / 2)
            texts.append(name)
    axes.set_yticks(places, texts, fontsize="small", parse_math=False)
    axes.tick_params(length=0)


def _draw_ideal(axes, classes):
    """Draws the ideal affinity map, 1 where two cells share a class."""
    classes = classes[_by_class(classes)]
    one_hot = classes[:, None] == np.unique(classes[classes >= 0])
    # The shares of the classes in the cells of a map pixel; other cells are ignored.
    shares = reduced(one_hot.astype("float64"), _MOST_CELLS)
    valid = np.outer(shares.sum(axis=1), shares.sum(axis=1))
    ideal = shares @ shares.T / np.where(valid > 0, valid, 1)
    extent = 0, len(classes), len(classes), 0
    values = np.ma.masked_where(valid == 0, ideal)
    ends = ("different", "same class")
    show_heat(axes, values, (0, 1), extent, labels=ends)
    axes.set_facecolor(PALE)  # visible where cells are ignored
    ignored = ", ignored: gray" if (classes < 0).any() else ""
    plain_axes(axes, f"ideal affinity map\nof the labels, sorted alike{ignored}")


def _by_class(classes):
    """Returns the order that sorts cells by class, ignored cells last."""
    return np.argsort(np.where(classes < 0, classes.max() + 1, classes), kind="stable")


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
            "`prior` must hold probabilities in 0..1; for logits, take the sigmoid. "
            f"Received values in {prior.min()}..{prior.max()}"
        )
    return prior


def _check_labels(labels, image):
    labels, shape = np.asarray(labels), image.shape[:2]
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


def _choose_points(classes, size, sides):
    """Returns the points to draw if none are given."""
    if classes is None or not (classes >= 0).any():
        height, width = sides
        return [
            (height * row // 4, width * column // 4)
            for row in (1, 3)
            for column in (1, 3)
        ]
    return points_of_classes(classes, size, sides, _POINTS)


def _describe(prior, classes):
    """Returns the text on the whole prior."""
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
    """Returns the text on a row, empty for a cell without a class."""
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
