import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont

from keras_seg.visualization.colorize import colorize
from keras_seg.visualization.colorize_masks import colorize_masks
from keras_seg.visualization.legend import BACKGROUND, INK, draw_legend

_PANEL = 256  # smallest width of a panel in pixels
_MARGIN = 8
_FONT_SIZE = 15


def comparison(
    images: ArrayLike,
    labels: ArrayLike,
    predictions: ArrayLike,
    palette: np.ndarray,
    class_names: Sequence[str],
) -> np.ndarray:
    """Draws images next to their labels and predictions, above a legend.

    Each image is one row: image, label, prediction. Images narrower than 256 pixels are
    enlarged by a whole factor, without smoothing. Ignored pixels are black in the
    label; the prediction shows the predicted classes there too.

    Args:
        images: array `(batch, height, width, 3)`, RGB in 0..255.
        labels: integer array `(batch, height, width)`. Or masks of independent classes,
            `(batch, height, width, num_classes)`; see `colorize_masks`.
        predictions: integer array of the labels' shape, the predicted classes.
        palette: uint8 array `(num_classes, 3)`, RGB.
        class_names: sequence of str, one for each color.

    Returns:
        uint8 array `(rows, columns, 3)`. `PIL.Image.fromarray(result).save("a.png")`
        writes it to a file.

    Raises:
        ValueError: If the shapes, or the numbers of names and colors, do not match;
            see also `colorize`.

    Example:
        ```python
        data = StreetScenes(3)
        images, labels = (np.stack(arrays) for arrays in zip(*data))
        comparison(images, labels, labels, data.palette, data.class_names)
        ```
    """
    images, labels = np.asarray(images), np.asarray(labels)
    predictions = np.asarray(predictions)
    has_masks = labels.ndim == 4
    size = labels.shape[:3]
    if labels.ndim not in (3, 4) or images.shape != (*size, 3) or not labels.size:
        raise ValueError(
            "`images` must be (batch, height, width, 3) and `labels` (batch, height, "
            f"width). Received: images {images.shape} and labels {labels.shape}"
        )
    if predictions.shape != labels.shape:
        raise ValueError(
            "`predictions` must be classes of the shape of `labels`; for logits, take "
            "the argmax over the last axis. Received: predictions "
            f"{predictions.shape} and labels {labels.shape}"
        )
    if len(class_names) != len(palette):
        raise ValueError(
            "`class_names` must name every color of `palette`. Received: "
            f"{len(class_names)} names and {len(palette)} colors"
        )
    paint = colorize_masks if has_masks else colorize
    factor = math.ceil(_PANEL / labels.shape[2])
    columns = {
        "image": np.clip(np.round(images), 0, 255).astype("uint8"),
        "label": paint(labels, palette),
        "prediction": paint(predictions, palette),
    }
    panels = {
        title: column.repeat(factor, axis=1).repeat(factor, axis=2)
        for title, column in columns.items()
    }
    batch, height, width = panels["image"].shape[:3]
    total = 3 * width + 4 * _MARGIN
    font = ImageFont.load_default(size=_FONT_SIZE)
    head = _FONT_SIZE + 2 * _MARGIN
    legend = draw_legend(palette, class_names, total, font)
    body = batch * (height + _MARGIN)
    picture = Image.new("RGB", (total, head + body + legend.height), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    for place, (title, panel) in enumerate(panels.items()):
        left = _MARGIN + place * (width + _MARGIN)
        center = left + width // 2
        draw.text((center, head // 2), title, fill=INK, font=font, anchor="mm")
        for row in range(batch):
            top = head + row * (height + _MARGIN)
            picture.paste(Image.fromarray(panel[row]), (left, top))
    picture.paste(legend, (0, head + body))
    return np.array(picture)
