"""Draws what the four modules compute, for the README and the networks' pages.

Run:    python docs/draw_ideas.py
Writes: docs/ideas.png, and one picture for each network in docs/networks.
"""

import pathlib

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

DOCS = pathlib.Path(__file__).parent
INK, GRAY, BLUE, ORANGE, GREEN = "#222222", "#dfe3e8", "#2f6fb5", "#e07b39", "#3f9f6b"
# Classes of a small street, top to bottom: sky, building, road, and a pole.
SKY, BUILDING, ROAD, POLE = "#a9cbe8", "#b99f8a", "#8d8d99", "#e3c64d"


def street():
    """The classes of a street of 10 x 12 cells, as letters."""
    cells = np.full((10, 12), "s")
    cells[3:7, :] = "b"
    cells[3:5, 4:6] = "s"
    cells[7:, :] = "r"
    cells[2:8, 9] = "p"
    return cells


def paint(axes, cells, x, y, size, colors=None, alpha=1.0):
    """Draws a map of cells with its upper left corner at (x, y)."""
    known = {"s": SKY, "b": BUILDING, "r": ROAD, "p": POLE}
    for row, line in enumerate(cells):
        for column, cell in enumerate(line):
            color = known[cell] if colors is None else colors(row, column, cell)
            corner = (x + column * size, y - (row + 1) * size)
            axes.add_patch(
                Rectangle(corner, size, size, fc=color, ec="white", lw=0.6, alpha=alpha)
            )


def arrow(axes, start, end, color=INK):
    axes.add_patch(
        FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, color=color)
    )


def box(axes, x, y, width, height, text, color=GRAY, ink=INK):
    axes.add_patch(
        FancyBboxPatch(
            (x, y), width, height, boxstyle="round,pad=0.02,rounding_size=0.08",
            fc=color, ec="none",
        )
    )  # fmt: skip
    axes.text(x + width / 2, y + height / 2, text, ha="center", va="center",
              color=ink, fontsize=9)  # fmt: skip


def blank(axes, title, width=10, height=5):
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.set_aspect("equal")
    axes.axis("off")
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK)


def strip_pooling(axes):
    blank(axes, "Strip pooling (SPNet)")
    row, column, size = 4, 9, 0.3
    cells = street()

    def seen(r, c, cell):
        return (
            ORANGE
            if (r, c) == (row, column)
            else BLUE
            if r == row or c == column
            else GRAY
        )

    paint(axes, cells, 0.2, 4.3, size, seen)
    text = "every position sees\nits whole row and column"
    axes.text(2.0, 0.7, text, ha="center", va="center", fontsize=9)
    arrow(axes, (3.95, 3.0), (4.75, 3.7))
    arrow(axes, (3.95, 2.6), (4.75, 1.9))
    for i in range(10):
        axes.add_patch(
            Rectangle(
                (5.0, 4.4 - i * 0.16), 0.3, 0.15, fc=BLUE, alpha=0.3 + 0.07 * (i % 5)
            )
        )
    for i in range(12):
        axes.add_patch(
            Rectangle(
                (4.9 + i * 0.16, 1.7), 0.15, 0.3, fc=BLUE, alpha=0.3 + 0.06 * (i % 6)
            )
        )
    axes.text(5.5, 3.6, "means of rows,\n3-tap convolution", fontsize=8, va="center")
    axes.text(4.9, 1.25, "means of columns, 3-tap convolution", fontsize=8)
    arrow(axes, (7.45, 3.35), (7.9, 3.05))
    arrow(axes, (7.0, 1.9), (7.9, 2.55))
    box(axes, 7.95, 2.4, 1.9, 0.75, "sum, 1x1,\nsigmoid = gate", ORANGE, "white")


def height_attention(axes):
    blank(axes, "Height-driven attention (HANet)")
    paint(axes, street(), 0.2, 4.3, 0.3)
    axes.text(
        2.0,
        0.7,
        "what is where depends\non the height",
        ha="center",
        va="center",
        fontsize=9,
    )
    arrow(axes, (3.95, 2.8), (4.7, 2.8))
    for i in range(8):
        color = (SKY, SKY, SKY, BUILDING, BUILDING, ROAD, ROAD, ROAD)[i]
        axes.add_patch(Rectangle((4.85, 4.1 - i * 0.33), 0.6, 0.31, fc=color))
    axes.text(5.15, 1.3, "coarse rows\n+ position", ha="center", fontsize=8)
    arrow(axes, (5.6, 2.8), (6.3, 2.8))
    weights = np.clip(
        np.sin(np.add.outer(np.arange(8) * 0.7, np.arange(7) * 1.3)) * 0.5 + 0.5,
        0.08,
        1,
    )
    for i in range(8):
        for j in range(7):
            axes.add_patch(
                Rectangle(
                    (6.45 + j * 0.33, 4.1 - i * 0.33),
                    0.31,
                    0.31,
                    fc=GREEN,
                    alpha=weights[i, j],
                )
            )
    axes.text(
        7.6,
        1.3,
        "a weight for each height\nand channel, in 0..1",
        ha="center",
        fontsize=8,
    )
    axes.text(9.0, 2.8, "× features", fontsize=9, va="center")


def context_prior(axes):
    blank(axes, "Context prior (CPNet)")
    cells = street()
    paint(axes, cells, 0.2, 4.3, 0.3)
    axes.add_patch(
        Rectangle(
            (0.2 + 3 * 0.3, 4.3 - 6 * 0.3), 0.3, 0.3, fc="none", ec=ORANGE, lw=2.5
        )
    )
    axes.text(
        2.0,
        0.7,
        "which cells share\nthe class of this one?",
        ha="center",
        va="center",
        fontsize=9,
    )
    arrow(axes, (3.95, 2.8), (4.6, 2.8))
    order = np.array(list("sssssbbbbbbrrrrrpp"))
    same = order[:, None] == order[None]
    for i in range(18):
        for j in range(18):
            axes.add_patch(
                Rectangle(
                    (4.75 + j * 0.15, 4.2 - i * 0.15),
                    0.14,
                    0.14,
                    fc=BLUE if same[i, j] else GRAY,
                )
            )
    axes.text(
        6.1,
        1.0,
        "the prior, N × N,\ntaught by the affinity loss",
        ha="center",
        fontsize=8,
    )
    arrow(axes, (7.6, 3.2), (8.1, 3.5), BLUE)
    arrow(axes, (7.6, 2.6), (8.1, 2.3))
    box(axes, 8.15, 3.3, 1.75, 0.6, "its own class", BLUE, "white")
    box(axes, 8.15, 1.95, 1.75, 0.6, "the others")
    axes.text(9.0, 1.45, "two contexts", ha="center", fontsize=8)


def super_resolution(axes):
    blank(axes, "Dual super-resolution (DSRL)")
    paint(axes, street()[::2, 1::2], 0.3, 3.6, 0.28)
    axes.text(1.1, 1.7, "half-size image", ha="center", fontsize=9)
    arrow(axes, (2.1, 2.9), (2.6, 2.9))
    box(axes, 2.65, 2.55, 1.4, 0.7, "encoder")
    arrow(axes, (4.1, 3.1), (4.7, 3.7), BLUE)
    arrow(axes, (4.1, 2.7), (4.7, 1.8))
    box(axes, 4.75, 3.45, 2.3, 0.7, "segmentation ×2", BLUE, "white")
    box(axes, 4.75, 1.3, 2.3, 0.7, "reconstruction ×2")
    axes.add_patch(FancyArrowPatch((5.85, 3.4), (5.85, 2.05), arrowstyle="<|-|>",
                                   mutation_scale=11, color=ORANGE))  # fmt: skip
    axes.text(5.98, 2.7, "feature\naffinity", fontsize=8, va="center", color=ORANGE)
    arrow(axes, (7.1, 3.8), (7.45, 3.8), BLUE)
    paint(axes, street(), 7.5, 4.6, 0.19)
    arrow(axes, (7.1, 1.65), (7.45, 1.65))
    paint(axes, street(), 7.5, 2.3, 0.19, alpha=0.55)
    axes.text(8.65, 0.15, "for training only", ha="center", fontsize=8)


IDEAS = {
    "spnet": strip_pooling,
    "hanet": height_attention,
    "cpnet": context_prior,
    "dsrl": super_resolution,
}


def figure(rows, columns, size):
    result = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(result)
    return result, np.atleast_1d(result.subplots(rows, columns)).ravel()


def main():
    together, axes = figure(2, 2, (11, 5.8))
    for place, draw in zip(axes, IDEAS.values(), strict=True):
        draw(place)
    together.savefig(DOCS / "ideas.png", dpi=110)
    for name, draw in IDEAS.items():
        alone, (place,) = figure(1, 1, (7, 3.8))
        draw(place)
        alone.savefig(DOCS / "networks" / f"{name}.png", dpi=110)


if __name__ == "__main__":
    main()
