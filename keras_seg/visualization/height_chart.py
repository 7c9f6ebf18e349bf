from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from keras_seg.data.palette import require_palette
from keras_seg.visualization.class_entropy import class_entropy
from keras_seg.visualization.class_legend import add_legend
from keras_seg.visualization.heat_maps import PALE

_SIZE = 11, 5.5  # inches: width and height without the legend
_MAX_BARS = 12
_THIRDS = ("upper", "middle", "lower")


def height_chart(
    counts: np.ndarray, palette: np.ndarray, class_names: Sequence[str]
) -> Figure:
    """Draws how often each class occurs at each height of the images.

    The left panel shows the shares of the classes at each height, stacked from the
    class with the highest mean height to the lowest. Heights without pixels are pale.
    The right panels show the shares and the entropy in the whole image and in each of
    its thirds, all on one scale. For more than 12 classes, bars show the 11 that are
    most frequent in the whole image, and a number shows the sum of the others.

    Args:
        counts: array `(rows, num_classes)` of numbers of pixels, as `class_heights`
            returns it, from the top of the images; `rows` must be a multiple of 3.
        palette: uint8 array `(num_classes, 3)`, RGB.
        class_names: sequence of str, one for each color.

    Returns:
        matplotlib `Figure`. `figure.savefig("a.png")` writes it to a file.

    Raises:
        ValueError: If the shapes or the number of names do not match, or if `counts`
            holds no pixels; see also `class_entropy`.

    Example:
        ```python
        data = StreetScenes(20)
        figure = height_chart(class_heights(data), data.palette, data.class_names)
        ```

    References:
        [Choi et al., 2020](https://arxiv.org/abs/2003.05128), section 1.
    """
    counts, palette = np.asarray(counts, "float64"), require_palette(palette)
    if counts.ndim != 2 or not counts.size or len(counts) % 3:
        raise ValueError(
            "`counts` must be (rows, num_classes) with `rows` a multiple of 3. "
            f"Received the shape {counts.shape}"
        )
    classes = counts.shape[1]
    if palette.shape != (classes, 3) or len(class_names) != classes:
        raise ValueError(
            "`palette` and `class_names` must have a color and a name for each of the "
            f"{classes} classes of `counts`. Received: a palette {palette.shape} "
            f"and {len(class_names)} names"
        )
    thirds = counts.reshape(3, -1, classes).sum(axis=1)
    parts = {"whole image": thirds.sum(axis=0)}
    for name, third in zip(_THIRDS, thirds, strict=True):
        parts[f"{name} third"] = third
    entropies = class_entropy(list(parts.values()))  # checks the values too
    if np.isnan(entropies[0]):
        raise ValueError("`counts` must hold pixels. Received: only zeros")

    figure = Figure(_SIZE, layout="constrained")
    grid = figure.add_gridspec(2, 3, width_ratios=(1.3, 1, 1))
    order = _from_high_to_low(counts)
    _draw_heights(figure.add_subplot(grid[:, 0]), counts[:, order], palette[order])
    shown = _most_frequent(parts["whole image"])
    bars = [figure.add_subplot(grid[place // 2, 1 + place % 2]) for place in range(4)]
    for axes, (part, pixels), entropy in zip(
        bars, parts.items(), entropies, strict=True
    ):
        axes.sharex(bars[0])
        _draw_bars(axes, pixels, shown, palette, class_names)
        text = "no pixels" if np.isnan(entropy) else f"entropy {entropy:.2f} nats"
        axes.set_title(f"{part}: {text}", fontsize="medium")
    largest = max(pixels.max() / max(pixels.sum(), 1) for pixels in parts.values())
    bars[0].set_xlim(0, 1.3 * largest)  # leaves room for the numbers
    for axes in bars[1::2]:
        axes.set_yticklabels([])

    names, colors = [class_names[index] for index in order], list(palette[order])
    if not counts.any(axis=1).all():
        names.append("no pixels")
        colors.append(np.multiply(PALE, 255))
    add_legend(figure, colors, names)
    return figure


def _from_high_to_low(counts):
    """Returns the classes by the mean height of their pixels, absent ones last."""
    total = counts.sum(axis=0)
    mean_row = np.arange(len(counts)) @ counts / np.where(total > 0, total, 1)
    return np.argsort(np.where(total > 0, mean_row, np.inf), kind="stable")


def _most_frequent(pixels):
    """Returns the classes that get a bar."""
    order = np.argsort(-pixels, kind="stable")
    return order if len(order) <= _MAX_BARS else order[: _MAX_BARS - 1]


def _draw_heights(axes, counts, palette):
    """Draws one band for each class, over heights from 0 at the top to 1."""
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.where(totals > 0, totals, np.nan)
    ends = np.cumsum(shares, axis=1)
    starts = ends - shares
    edges = np.linspace(0, 1, len(counts) + 1)
    for start, end, color in zip(starts.T, ends.T, palette / 255, strict=True):
        axes.stairs(
            end, edges, baseline=start, fill=True, orientation="horizontal", color=color
        )
    axes.set_facecolor(PALE)  # visible where there are no pixels
    for edge in (1 / 3, 2 / 3):
        axes.axhline(edge, color="white", linewidth=2)
    axes.set_xlim(0, 1)
    axes.set_ylim(1, 0)
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.set_yticks(
        np.arange(1, 6, 2) / 6, [f"{name}\nthird" for name in _THIRDS], ha="right"
    )
    axes.tick_params(axis="y", length=0)
    axes.set_title("classes at each height", fontsize="medium")
    axes.set_xlabel("share of the pixels at this height")


def _draw_bars(axes, pixels, shown, palette, class_names):
    """Draws a bar for the share of each shown class and writes that of the others."""
    shares = pixels / max(pixels.sum(), 1)
    names = [str(class_names[index]) for index in shown]
    bars = axes.barh(
        np.arange(len(shown)),
        shares[shown],
        color=palette[shown] / 255,
        edgecolor="black",  # makes white bars visible
        linewidth=0.5,
    )
    if pixels.any():
        axes.bar_label(bars, fmt="{:.1%}", padding=3, fontsize="small")
    if len(shown) < len(shares):
        # Only a number: a bar for many classes would dwarf those of single classes.
        names.append(f"{len(shares) - len(shown)} others")
        rest = 1 - shares[shown].sum()
        if pixels.any():
            axes.text(0, len(shown), f" {rest:.1%}", va="center", fontsize="small")
    axes.set_yticks(np.arange(len(names)), names, fontsize="small", parse_math=False)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_xticks([])
    axes.spines[["top", "right", "bottom"]].set_visible(False)
