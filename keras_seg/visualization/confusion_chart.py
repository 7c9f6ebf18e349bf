import numpy as np
from matplotlib.figure import Figure

from keras_seg.visualization.heat_maps import COLORS, PALE

_TITLE = "what each row's class was predicted as,\nin percent of its pixels"
_WIDE, _NARROW = 0.36, 0.17  # inches of a cell, with and without its percentage
_CHARACTER = 0.085  # inches, of a name
_ROOM = 0.6, 1.8  # inches beside the names, and below and above for title and scale
_LEAST_SIDE = 5  # inches, for the title
_MAX_NUMBERS = 40  # classes above which cells have none
_LIGHT = 0.6  # shares above this are light: their numbers are dark


def confusion_chart(confusion, class_names):
    """Draws a confusion matrix, each row as the shares of that class's pixels.

    A row is a class of the labels, and a cell the share of its pixels that was
    predicted as the column's class: the diagonal is the accuracy of the class. Rows of
    classes without pixels are pale. Up to 40 classes, cells from half a percent on have
    their percentage.

    Args:
        confusion: integer array `(num_classes, num_classes)`, or with a last column
            more of predictions that are no class, as `evaluate` and
            `confusion_matrix` give it.
        class_names: sequence of str, one for each class.

    Returns:
        matplotlib `Figure`. `figure.savefig("a.png")` writes it to a file.

    Raises:
        ValueError: If the shape is another, there is not a name for each class, or a
            count is negative.

    Example:

    ```python
    result = evaluate(model, batches, names)
    figure = confusion_chart(result["confusion_matrix"], names)
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
    if confusion.min(initial=0) < 0:
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
    figure = Figure(sides, layout="constrained")
    axes = figure.subplots()
    without_pixels = np.broadcast_to(totals == 0, shares.shape)
    image = axes.imshow(
        np.ma.masked_where(without_pixels, shares), cmap=COLORS, vmin=0, vmax=1
    )
    axes.set_facecolor(PALE)  # is seen where a class has no pixels
    scale = figure.colorbar(image, ax=axes, location="bottom", shrink=0.6, aspect=30)
    scale.ax.xaxis.set_major_formatter("{x:.0%}")
    options = {"fontsize": "small", "parse_math": False}
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
