import keras
import numpy as np
from PIL import Image, ImageFont

from keras_seg.data import default_palette
from keras_seg.ops import feature_affinity, normalize_features
from keras_seg.visualization.affinity import cell_classes
from keras_seg.visualization.legend import BACKGROUND
from keras_seg.visualization.panels import draw_text, join
from keras_seg.visualization.points import check_points, points_of_classes
from keras_seg.visualization.resolution_panels import (
    draw_classes,
    draw_images,
    draw_similarities,
    shown_size,
)
from keras_seg.visualization.to_picture import to_picture

_FONT_SIZE = 15
_GAP = 20  # between panels
_PER_LINE = 3
_POINTS = 3  # chosen for those who name none


def resolution_chart(
    image,
    prediction,
    features,
    original=None,
    points=None,
    palette=None,
    class_names=None,
):
    """Draws what a DSRL makes of a low-resolution image, and how its branches agree.

    The first line is the image with numbered points, the reconstruction, and the
    original. With this come the peak signal-to-noise ratios (PSNR), in decibels, of
    the reconstruction and, to compare with, of the image enlarged bicubically. All
    are drawn in one size, without smoothing, so that their pixels can be seen.

    The second line is the segmentation at the image's size and at its own, and a legend
    of the classes in them. The first has the class of the greatest mean of the logits
    in each block of `scale` x `scale`, where the second has one for each pixel.

    Then come for each point the cosine similarities of its cell's features to those of
    all cells, as the feature affinity sees them in the segmentation branch and, below,
    in the super-resolution branch; with the details of the image, though not its light
    and dark areas. Both of a point have one colour scale, from the least to the
    greatest value of the two, though never narrower than 0.01. Cells are drawn over
    the whole image; rows and columns that the pooling left out at its end stretch them.

    Args:
        image: `(height, width, 3)`, RGB in 0..255, what the model sees.
        prediction: dict of what a `DSRL` makes of it, with "segmentation", logits
            `(scale * height, scale * width, num_classes)`, and "super_resolution",
            `(scale * height, scale * width, 3)` on the scale of RGB / 255.
        features: dict of what its `affinity_model` makes of it, with "segmentation" and
            "super_resolution", `(rows, columns, channels)` each, of any numbers of
            channels.
        original: `(scale * height, scale * width, 3)`, RGB in 0..255, or None.
        points: sequence of (y, x), pixels of the original; or None for the inmost cell
            of each of the three most frequent classes in the segmentation.
        palette: uint8 array `(num_classes, 3)`, RGB, or None for `default_palette`.
        class_names: sequence of str, a name for each class, or None for numbers.

    Returns:
        uint8 array `(height, width, 3)`. `PIL.Image.fromarray(result).save("a.png")`
        writes it to a file.

    Example:

    ```python
    rng = np.random.default_rng(0)
    image, original = rng.uniform(0, 255, (6, 8, 3)), rng.uniform(0, 255, (12, 16, 3))
    prediction = {
        "segmentation": rng.normal(size=(12, 16, 5)),
        "super_resolution": original / 255 + 0.1,
    }
    maps = rng.normal(size=(3, 4, 7))
    features = {"segmentation": maps, "super_resolution": maps**2}
    chart = resolution_chart(image, prediction, features, original, points=[(1, 2)])
    ```

    Raises:
        ValueError: If a shape, a type or a value is not as above.

    Reference: Wang et al., "Dual Super-Resolution Learning for Semantic Segmentation",
    CVPR 2020, section 3.
    """
    image = to_picture(image)
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

    font = ImageFont.load_default(size=_FONT_SIZE)
    size = shown_size(sides[1], sides[0])
    coarse = _mean_blocks(logits, scale).argmax(axis=-1)
    maps = {"segmentation of mean logits": coarse, "segmentation": classes}
    enlarged = image.resize((sides[1], sides[0]), Image.Resampling.BICUBIC)
    similarities = []
    for number, point in enumerate(points, 1):
        title = f"{number}: {names[classes[tuple(point)]]}"
        place = features, enlarged, size
        similarities.append(draw_similarities(point, *place, title, font))
    lines = [
        draw_images(image, colors, original, points, size, font),
        draw_classes(maps, palette, names, size, font),
        [draw_text(_describe(features), font)],
    ]
    for start in range(0, len(points), _PER_LINE):
        lines.append(similarities[start : start + _PER_LINE])
    width = max(panel.width for line in lines for panel in line if len(line) > 1)
    lines = [join([_widen(x, width) for x in line], _GAP, axis=1) for line in lines]
    content = join(lines, _GAP, axis=0)
    size = content.width + 2 * _GAP, content.height + 2 * _GAP
    picture = Image.new("RGB", size, BACKGROUND)
    picture.paste(content, (_GAP, _GAP))
    return np.array(picture)


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
    """Returns the logits, the reconstruction, clipped to 0..1, and the scale."""
    logits, colors = _check_branches("prediction", prediction)
    scale = colors.shape[0] // image.height
    sides = scale * image.height, scale * image.width
    if logits.ndim != 3 or colors.shape != (*sides, 3) or logits.shape[:2] != sides:
        raise ValueError(
            "`prediction` must hold logits (scale * height, scale * width, classes) "
            "and RGB (scale * height, scale * width, 3) for the image. Received: "
            f"shapes {logits.shape} and {colors.shape} for an image of "
            f"{(image.height, image.width)}"
        )
    return logits, colors.clip(0, 1), scale


def _check_features(features):
    """Returns them by the name of the branch, with a length of 1 in each cell."""
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
    """Returns it as a picture."""
    original = to_picture(original)
    if (original.height, original.width) != sides:
        raise ValueError(
            "`original` must have the size of the reconstruction, "
            f"{sides}, or be None. Received: {(original.height, original.width)}"
        )
    return original


def _check_classes(palette, class_names, num_classes):
    """Returns a colour and a name for each class."""
    if palette is None:
        palette = default_palette(num_classes)
    if class_names is None:
        class_names = [f"class {index}" for index in range(num_classes)]
    palette = np.asarray(palette)
    if palette.shape != (num_classes, 3) or len(class_names) != num_classes:
        raise ValueError(
            "`palette` and `class_names` must hold a colour and a name for each class, "
            f"or be None. Received: a palette of shape {palette.shape} and "
            f"{len(class_names)} names for {num_classes} classes"
        )
    return palette, list(map(str, class_names))


def _mean_blocks(logits, scale):
    height, width, channels = logits.shape
    shape = height // scale, scale, width // scale, scale, channels
    return logits.reshape(shape).mean(axis=(1, 3))


def _describe(features):
    """Returns lines on the similarities of all cells."""
    rows, columns = features["segmentation"].shape[:2]
    flat = (x.reshape(1, rows * columns, -1) for x in features.values())
    difference = float(feature_affinity(*map(keras.ops.convert_to_tensor, flat))[0])
    return [
        f"Similarities of all pairs of {rows} x {columns} cells: mean absolute "
        f"difference of both branches {difference:.3f}",
        "",
        "Each point's similarity to all cells, in both branches, over the image:",
    ]


def _widen(panel, width):
    """Returns a panel with space on its right, so that columns begin alike."""
    wide = Image.new("RGB", (max(panel.width, width), panel.height), BACKGROUND)
    wide.paste(panel)
    return wide
