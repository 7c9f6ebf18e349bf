from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from keras_seg.visualization.heat_maps import COLORS, PALE

_TITLE = "predicted classes for each row's class,\nin percent of its pixels"
_WIDE, _NARROW = 0.36, 0.17  # inches: size of a cell with and without a percentage
_CHARACTER = 0.085  # inches: width of a character
_ROOM = 0.6, 1.8  # inches: horizontal and vertical margins, besides the names
_LEAST_SIDE = 5  # inches: room for the title
_MAX_NUMBERS = 40  # largest number of classes with percentages
_LIGHT = 0.6  # cells above this share are light and get dark numbers


def confusion_chart(confusion: np.ndarray, class_names: Sequence[str]) -> Figure:
    """Draws a confusion matrix, normalized by row.

    Rows are the classes of the labels. Each cell is the share of the row's pixels that
    were predicted as the column's class, so that the diagonal shows the accuracy of
    each class. Rows of classes without pixels are pale. For up to 40 classes, cells of
    at least half a percent show their percentage.

    Args:
        confusion: integer array `(num_classes, num_classes)`, or with one more column
            for predictions that are not a class, as `evaluate` and `confusion_matrix`
            return it.
        class_names: sequence of str, one for each class.

    Returns:
        matplotlib `Figure`. `figure.savefig("a.png")` writes it to a file.

    Raises:
        ValueError: If `confusion` has another shape or negative counts, or if the
            number of names is not the number of classes.

    Example:
        ```python
        result = evaluate(model, batches, val.class_names)
        figure = confusion_chart(result["confusion_matrix"], val.class_names)
        ```
    """
    confusion = np.asarray(confusion)
    if confusion.ndim != 2 or not 0 <= confusion.shape[1] - len(confusion) <= 1:
        raise ValueError(
            "`confusion` must be (num_classes, num_classes), or have one column more. "
            f"Received the shape {confusion.shape}"
        )
    if len(class_names) != len(confusion):
        raise ValueError(
            "`class_names` must have a name for each class. Received: "
            f"{len(class_names)} names for {len(confusion)} classes"
        )
    if not confusion.min(initial=0) >= 0:  # true for nan too
        raise ValueError(
            f"`confusion` must hold counts. Received: {confusion.min()} among them"
        )
    columns = [*map(str, class_names), "no class"][: confusion.shape[1]]
    totals = confusion.sum(axis=1, keepdims=True)
    shares = confusion / np.maximum(totals, 1)

    has_numbers = len(confusion) <= _MAX_NUMBERS
    cell = _WIDE if has_numbers else _NARROW
    names = _CHARACTER * max(map(len, columns))
    sides = [
        max(cell * cells + names + room, _LEAST_SIDE)
        for cells, room in zip(shares.shape[::-1], _ROOM, strict=True)
    ]
    figure = Figure(tuple(sides), layout="constrained")
    axes = figure.subplots()
    without_pixels = np.broadcast_to(totals == 0, shares.shape)
    image = axes.imshow(
        np.ma.masked_where(without_pixels, shares), cmap=COLORS, vmin=0, vmax=1
    )
    axes.set_facecolor(PALE)  # visible where a class has no pixels
    scale = figure.colorbar(image, ax=axes, location="bottom", shrink=0.6, aspect=30)
    scale.ax.xaxis.set_major_formatter("{x:.0%}")
    options: dict[str, Any] = {"fontsize": "small", "parse_math": False}
    axes.set_yticks(np.arange(len(shares)), list(map(str, class_names)), **options)
    axes.set_xticks(np.arange(len(columns)), columns, rotation=90, **options)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    figure.suptitle(_TITLE, fontsize="medium")
    if has_numbers:
        _write_percentages(axes, shares)
    return figure


def _write_percentages(axes, shares):
    for row, column in np.argwhere(shares >= 0.005).tolist():
        share = shares[row, column]
        color = "black" if share > _LIGHT else "white"
        text = f"{100 * share:.0f}"
        centered = {"ha": "center", "va": "center", "fontsize": "x-small"}
        axes.text(column, row, text, color=color, **centered)
