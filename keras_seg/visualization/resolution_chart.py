from collections.abc import Mapping, Sequence

import keras
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from keras_seg.data import default_palette
from keras_seg.data.palette import require_palette
from keras_seg.ops import feature_affinity, normalize_features
from keras_seg.visualization.affinity import cell_classes
from keras_seg.visualization.class_legend import fill_legend
from keras_seg.visualization.colorize import colorize
from keras_seg.visualization.image_axes import (
    mark_points,
    panel_height,
    require_image,
    show_cells,
    show_image,
)
from keras_seg.visualization.points import check_points, points_of_classes

_WIDTH = 13  # inches
_TEXT_HEIGHT = 0.7  # inches: height of a title, and of a scale
_PER_LINE = 3
_POINTS = 3  # number of points that are chosen automatically
_LEGEND_ROWS = 16


def resolution_chart(
    image: np.ndarray,
    prediction: Mapping[str, np.ndarray],
    features: Mapping[str, np.ndarray],
    original: np.ndarray | None = None,
    points: Sequence[Sequence[int]] | None = None,
    palette: np.ndarray | None = None,
    class_names: Sequence[str] | None = None,
) -> Figure:
    """Draws the outputs of a DSRL for an image, and the agreement of its branches.

    The first line shows the low-resolution image with numbered points, the
    reconstruction, and the original. With an original, it gives the peak
    signal-to-noise ratios (PSNR), in decibels, of the reconstruction and, for
    comparison, of the image enlarged bicubically. All are drawn at one size, without
    smoothing, so that their pixels are visible.

    The second line shows the segmentation at the size of the image and at its own size,
    and a legend of the classes in them. The first has the class with the largest mean
    logit in each block of `scale` x `scale` pixels.

    The following lines show, for each point, the cosine similarities of its cell's
    features to those of all cells, as the feature affinity computes them: the
    segmentation branch above, the super-resolution branch below, over the details of
    the image. Both maps of a point share one color scale, from the smallest to the
    largest value of the two, with a range of at least 0.01. Cells are stretched over
    the whole image if pooling dropped rows or columns at its end.

    Args:
        image: array `(height, width, 3)`, RGB in 0..255, the model's input.
        prediction: dict of the outputs of a `DSRL` for the image: "segmentation",
            logits `(scale * height, scale * width, num_classes)`, and
            "super_resolution", `(scale * height, scale * width, 3)` in RGB / 255.
        features: dict of the outputs of its `affinity_model` for the image:
            "segmentation" and "super_resolution", both `(rows, columns, channels)`;
            the numbers of channels may differ.
        original: array `(scale * height, scale * width, 3)`, RGB in 0..255, or None.
        points: sequence of (y, x), pixels of the original. None: the innermost cell of
            each of the three most frequent classes in the segmentation.
        palette: uint8 array `(num_classes, 3)`, RGB, or None for `default_palette`.
        class_names: sequence of str, a name for each class, or None for numbers.

    Returns:
        matplotlib `Figure`. `figure.savefig("a.png")` writes it to a file.

    Raises:
        ValueError: If a shape, dtype or value is not as above.

    Example:
        ```python
        rng = np.random.default_rng(0)
        image = rng.uniform(0, 255, (6, 8, 3))
        original = rng.uniform(0, 255, (12, 16, 3))
        prediction = {
            "segmentation": rng.normal(size=(12, 16, 5)),
            "super_resolution": original / 255 + 0.1,
        }
        maps = rng.normal(size=(3, 4, 7))
        features = {"segmentation": maps, "super_resolution": maps**2}
        points = [(1, 2)]
        figure = resolution_chart(image, prediction, features, original, points)
        ```

    References:
        Wang et al., "Dual Super-Resolution Learning for Semantic Segmentation", CVPR
        2020, section 3.
    """
    image = require_image(image)
    logits, colors, scale = _check_prediction(prediction, image)
    features = _check_features(features)
    sides = logits.shape[:2]
    if original is not None:
        original = _check_original(original, sides)
    palette, names = _check_classes(palette, class_names, logits.shape[-1])
    classes = logits.argmax(axis=-1)
    cells = features["segmentation"].shape[:2]
    if points is None:
        sampled = cell_classes(classes, cells, ignore_class=-1)
        points = points_of_classes(sampled, cells, sides, _POINTS)
    points = check_points(points, sides)

    panel = panel_height(_WIDTH / _PER_LINE, sides)
    lines = -(-len(points) // _PER_LINE)
    heights = [
        panel + _TEXT_HEIGHT,
        panel + 0.7 * _TEXT_HEIGHT,
        2 * lines * (panel + 1.1 * _TEXT_HEIGHT) + 0.7 * _TEXT_HEIGHT,
    ]
    figure = Figure((_WIDTH, sum(heights)), layout="constrained")
    images, maps, similarities = figure.subfigures(
        3, 1, False, height_ratios=heights
    ).ravel()
    enlarged = _enlarge(image, sides)
    _draw_images(images.subplots(1, 3), image, colors, original, enlarged, points)
    coarse = _mean_blocks(logits, scale).argmax(axis=-1)
    _draw_classes(maps.subplots(1, 3), coarse, classes, palette, names)
    similarities.suptitle(_describe(features), fontsize="medium")
    grid = similarities.subplots(2 * lines, _PER_LINE, squeeze=False)
    for axes in grid.ravel():
        axes.set_axis_off()
    for place, point in enumerate(points):
        line, column = 2 * (place // _PER_LINE), place % _PER_LINE
        title = f"{place + 1}: {names[classes[tuple(point)]]}"
        pair = grid[line : line + 2, column]
        _draw_similarities(pair, point, features, enlarged, title)
    return figure


def _draw_images(panels, image, colors, original, enlarged, points):
    """Draws the image, the reconstruction and, if given, the original."""
    sides = colors.shape[:2]
    low, high = _describe_sides(image), _describe_sides(colors)
    if original is None:
        panels[2].set_axis_off()
    else:
        show_image(panels[2], original, f"original\n{high}")
        truth = original / 255
        low += f"; enlarged bicubically: PSNR {_psnr(truth, enlarged / 255):.2f} dB"
        high += f"; PSNR {_psnr(truth, colors):.2f} dB"
    show_image(panels[0], image, f"image\n{low}", sides)
    mark_points(panels[0], points)
    reconstruction = (colors * 255).round().astype("uint8")
    show_image(panels[1], reconstruction, f"reconstruction\n{high}")


def _draw_classes(panels, coarse, classes, palette, names):
    """Draws both segmentations and a legend of the classes in them."""
    titles = "segmentation of mean logits", "segmentation"
    for axes, title, shown in zip(panels, titles, (coarse, classes), strict=False):
        title = f"{title}\n{_describe_sides(shown)}"
        show_image(axes, colorize(shown, palette), title, classes.shape)
    present = np.union1d(coarse, classes)
    panels[2].set_axis_off()
    fill_legend(
        panels[2],
        palette[present],
        [names[index] for index in present],
        loc="upper left",
        ncols=-(-len(present) // _LEGEND_ROWS),
        title="classes in both",
    )


def _draw_similarities(panels, point, features, image, title):
    """Draws the similarities of a point's cell to all cells, in both branches."""
    (y, x), rows = point, {}
    for branch, unit in features.items():
        row = y * unit.shape[0] // image.shape[0]
        column = x * unit.shape[1] // image.shape[1]
        rows[branch] = unit @ unit[row, column]
    first, second = rows.values()
    limits = min(first.min(), second.min()), max(first.max(), second.max())
    difference = np.abs(first - second).mean()
    texts = "", f"\nmean absolute difference {difference:.3f}"
    for axes, text, (branch, row) in zip(panels, texts, rows.items(), strict=True):
        axes.set_axis_on()
        show_cells(axes, row, limits, image, point, f"{title}, {branch}{text}")


def _enlarge(image, sides):
    """Returns the image enlarged bicubically to the size of the original."""
    picture = Image.fromarray(image)
    return np.asarray(picture.resize(sides[::-1], Image.Resampling.BICUBIC))


def _psnr(truth, colors):
    return float(keras.ops.psnr(truth, colors, 1.0))


def _describe_sides(array):
    return f"{array.shape[0]} x {array.shape[1]} pixels"


def _check_branches(argument, arrays):
    """Returns the arrays of both branches."""
    names = "segmentation", "super_resolution"
    if not set(names) <= set(arrays):
        raise ValueError(
            f"`{argument}` must be a dict with {names}. Received: {sorted(arrays)}"
        )
    checked = [np.asarray(arrays[name], "float64") for name in names]
    for name, array in zip(names, checked, strict=True):
        if not np.isfinite(array).all():
            raise ValueError(
                f"`{argument}` must be finite. Received nan or infinity in {name!r}"
            )
    return checked


def _check_prediction(prediction, image):
    """Returns the logits, the reconstruction clipped to 0..1, and the scale."""
    logits, colors = _check_branches("prediction", prediction)
    height, width = image.shape[:2]
    scale = colors.shape[0] // height
    sides = scale * height, scale * width
    if logits.ndim != 3 or colors.shape != (*sides, 3) or logits.shape[:2] != sides:
        raise ValueError(
            "`prediction` must hold logits (scale * height, scale * width, classes) "
            "and RGB (scale * height, scale * width, 3) for the image. Received: "
            f"shapes {logits.shape} and {colors.shape} for an image of "
            f"{(height, width)}"
        )
    return logits, colors.clip(0, 1), scale


def _check_features(features):
    """Returns the features by branch, normalized to unit length in each cell."""
    arrays = _check_branches("features", features)
    first, second = (x.shape for x in arrays)
    if len(first) != 3 or len(second) != 3 or first[:2] != second[:2]:
        raise ValueError(
            "`features` must hold arrays (rows, columns, channels) of the same rows "
            f"and columns. Received: shapes {first} and {second}"
        )
    return {
        name: keras.ops.convert_to_numpy(normalize_features(x))
        for name, x in zip(("segmentation", "super-resolution"), arrays, strict=True)
    }


def _check_original(original, sides):
    """Returns the original as uint8."""
    original = require_image(original)
    if original.shape[:2] != sides:
        raise ValueError(
            "`original` must have the size of the reconstruction, "
            f"{sides}, or be None. Received: {original.shape[:2]}"
        )
    return original


def _check_classes(palette, class_names, num_classes):
    """Returns a color and a name for each class."""
    if palette is None:
        palette = default_palette(num_classes)
    if class_names is None:
        class_names = [f"class {index}" for index in range(num_classes)]
    palette = require_palette(palette)
    if palette.shape != (num_classes, 3) or len(class_names) != num_classes:
        raise ValueError(
            "`palette` and `class_names` must hold a color and a name for each class, "
            f"or be None. Received: a palette of shape {palette.shape} and "
            f"{len(class_names)} names for {num_classes} classes"
        )
    return palette, list(map(str, class_names))


def _mean_blocks(logits, scale):
    height, width, channels = logits.shape
    shape = height // scale, scale, width // scale, scale, channels
    return logits.reshape(shape).mean(axis=(1, 3))


def _describe(features):
    """Returns the text on the similarities of all cells."""
    rows, columns = features["segmentation"].shape[:2]
    flat = (x.reshape(1, rows * columns, -1) for x in features.values())
    difference = float(feature_affinity(*map(keras.ops.convert_to_tensor, flat))[0])
    return (
        f"Similarities of all pairs of {rows} x {columns} cells: mean absolute "
        f"difference of both branches {difference:.3f}\n"
        "Each point's similarity to all cells, in both branches, over the image:"
    )
