"""Legend of the classes in a figure."""

import math

from matplotlib.patches import Patch

_CHARACTER, _SWATCH, _LINE = 0.085, 0.6, 0.21  # inches


def add_legend(figure, colors, class_names):
    """Adds a legend below all axes and makes the figure taller by its rows.

    Args:
        figure: matplotlib `Figure` with constrained layout.
        colors: sequence of RGB in 0..255.
        class_names: sequence of str, one for each color. They are shown literally,
            including "$" and a leading "_".
    """
    width, height = figure.get_size_inches()
    entry = _SWATCH + _CHARACTER * max(map(len, class_names))
    columns = min(max(int(width / entry), 1), len(class_names))
    rows = math.ceil(len(class_names) / columns)
    figure.set_size_inches(width, height + _LINE * rows)
    place = "outside lower center"
    fill_legend(figure, colors, class_names, loc=place, ncols=columns)


def fill_legend(parent, colors, class_names, **options):
    """Adds a legend to a figure or axes, with matplotlib's legend `options`."""
    patches = [
        Patch(facecolor=tuple(map(_share, color)), edgecolor="black", linewidth=0.5)
        for color in colors
    ]
    legend = parent.legend(patches, [" "] * len(patches), fontsize="small", **options)
    # Set afterwards, since matplotlib drops labels that begin with an underscore.
    for text, name in zip(legend.get_texts(), class_names, strict=True):
        text.set_parse_math(False)
        text.set_text(str(name))


def _share(value):
    return float(value) / 255
