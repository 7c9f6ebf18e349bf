import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from keras_seg.visualization.class_entropy import class_entropy
from keras_seg.visualization.legend import BACKGROUND, INK, draw_legend

_MARGIN = 8
_FONT_SIZE = 15
_TITLE = 30  # pixels of height above a panel or a group of bars
_PANEL_WIDTH, _PANEL_HEIGHT = 400, 480  # the height is a minimum
_GAP = 3  # between the thirds
_TICK = 5
_BAR_WIDTH = 170  # of the largest share
_MAX_BARS = 12
_MAX_PITCH, _MAX_THICKNESS = 36, 22  # of the bars
_THIRDS = ("upper", "middle", "lower")
_GREY, _PALE = (150, 150, 150), (236, 236, 236)


def height_chart(counts, palette, class_names):
    """Draws which classes occur at which height of the images.

    On the left, at each height, the shares of the classes, stacked from the highest
    class (by the mean height of its pixels) to the lowest. Heights without pixels are
    pale. On the right, the shares in the whole image and in its thirds with their
    entropies, all to one scale. Of more than 12 classes, bars show the 11 that are the
    most frequent in the whole image, and a number the sum of the others.

    Args:
        counts: Array `(rows, num_classes)` of numbers of pixels, as `class_heights`
            gives it: the top of the images first, `rows` a multiple of 3.
        palette: uint8 array `(num_classes, 3)`, RGB.
        class_names: Sequence of str, one for each colour.

    Returns:
        uint8 array `(height, width, 3)`. `PIL.Image.fromarray(result).save("a.png")`
        writes it to a file.

    Example:

    ```python
    data = StreetScenes(20)
    chart = height_chart(class_heights(data), data.palette, data.class_names)
    ```

    Raises:
        ValueError: If the shapes or the number of names do not agree, if `counts`
            holds no pixels at all, or as `class_entropy`.

    Reference: [Choi et al., 2020](https://arxiv.org/abs/2003.05128), section 1.
    """
    counts, palette = np.asarray(counts, "float64"), np.asarray(palette)
    if counts.ndim != 2 or not counts.size or len(counts) % 3:
        raise ValueError(
            "`counts` must be (rows, num_classes) with `rows` a multiple of 3. "
            f"Received the shape {counts.shape}"
        )
    classes = counts.shape[1]
    if palette.shape != (classes, 3) or len(class_names) != classes:
        raise ValueError(
            "`palette` and `class_names` must have a colour and a name for each of the "
            f"{classes} classes of `counts`. Received: a palette {palette.shape} "
            f"and {len(class_names)} names"
        )
    thirds = counts.reshape(3, -1, classes).sum(axis=1)
    parts = {"whole image": thirds.sum(axis=0)}
    for name, third in zip(_THIRDS, thirds, strict=True):
        parts[f"{name} third"] = third
    entropies = class_entropy(list(parts.values()))  # checks the values too
    if np.isnan(entropies[0]):
        raise ValueError("`counts` must hold pixels. Received zeros alone.")

    font = ImageFont.load_default(size=_FONT_SIZE)
    order = _from_high_to_low(counts)
    entries = [(class_names[index], palette[index]) for index in order]
    if not counts.any(axis=1).all():
        entries.append(("no pixels", _PALE))
    heights = _draw_heights(counts[:, order], palette[order], font)
    groups = _draw_groups(
        parts, entropies, palette, class_names, heights.height - _MARGIN, font
    )
    width = heights.width + groups.width
    names, colors = zip(*entries, strict=True)
    legend = draw_legend(colors, names, width, font)
    size = max(width, legend.width), heights.height + _MARGIN + legend.height
    picture = Image.new("RGB", size, BACKGROUND)
    picture.paste(heights, (0, 0))
    picture.paste(groups, (heights.width, 0))
    picture.paste(legend, (0, heights.height + _MARGIN))
    return np.array(picture)


def _from_high_to_low(counts):
    """Returns the classes by the mean height of their pixels, absent ones last."""
    total = counts.sum(axis=0)
    mean_row = np.arange(len(counts)) @ counts / np.where(total > 0, total, 1)
    return np.argsort(np.where(total > 0, mean_row, np.inf), kind="stable")


def _draw_heights(counts, palette, font):
    """Returns the left panel with its title and axes."""
    rows = len(counts)
    factor = math.ceil(_PANEL_HEIGHT / rows)
    third = rows // 3 * factor
    left = int(font.getlength("middle")) + _MARGIN + _TICK + _MARGIN
    height = _TITLE + 3 * third + 2 * _GAP + _TICK + 2 * _FONT_SIZE + 2 * _MARGIN
    panel = Image.new("RGB", (left + _PANEL_WIDTH + 4 * _MARGIN, height), BACKGROUND)
    draw = ImageDraw.Draw(panel)
    center = left + _PANEL_WIDTH // 2
    _text(draw, (center, _TITLE // 2), "classes at each height", font, "mm")
    stacked = Image.fromarray(_stack(counts, palette).repeat(factor, axis=0))
    for place, name in enumerate(_THIRDS):
        top = _TITLE + place * (third + _GAP)
        box = (0, place * third, _PANEL_WIDTH, (place + 1) * third)
        panel.paste(stacked.crop(box), (left, top))
        # A frame around it, since classes may be as white as the paper.
        frame = (left - 1, top - 1, left + _PANEL_WIDTH, top + third)
        draw.rectangle(frame, outline=_GREY)
        middle = left - _TICK - _MARGIN, top + third // 2
        for line, word in ((-1, name), (1, "third")):
            place_of_word = middle[0], middle[1] + line * (_FONT_SIZE // 2 + 2)
            _text(draw, place_of_word, word, font, "rm")
    bottom = _TITLE + 3 * third + 2 * _GAP
    for percent in (0, 25, 50, 75, 100):
        x = left + round(percent / 100 * (_PANEL_WIDTH - 1))
        draw.line((x, bottom, x, bottom + _TICK), fill=_GREY)
        _text(draw, (x, bottom + _TICK + 3), f"{percent}%", font, "ma")
    below = bottom + _TICK + _FONT_SIZE + _MARGIN
    _text(draw, (center, below), "share of the pixels at this height", font, "ma")
    return panel


def _stack(counts, palette):
    """Returns one row of pixels for each row of counts, pale where there are none."""
    stacked = np.empty((len(counts), _PANEL_WIDTH, 3), "uint8")
    stacked[:] = _PALE
    centers = (np.arange(_PANEL_WIDTH) + 0.5) / _PANEL_WIDTH
    for row, row_counts in zip(stacked, counts, strict=True):
        total = row_counts.sum()
        if total:
            ends = np.cumsum(row_counts) / total
            row[:] = palette[np.searchsorted(ends, centers)]
    return stacked


def _draw_groups(parts, entropies, palette, class_names, height, font):
    """Returns the bars of the four parts, in two columns."""
    order = np.argsort(-parts["whole image"], kind="stable")
    shown = order if len(order) <= _MAX_BARS else order[: _MAX_BARS - 1]
    names = [class_names[index] for index in shown]
    if len(shown) < len(order):
        names.append(f"{len(order) - len(shown)} others")
    shares = [counts[shown] / (counts.sum() or 1) for counts in parts.values()]
    largest = np.max(shares)

    label = max(int(font.getlength(name)) for name in names)
    number = int(font.getlength("100.0%"))
    column = label + _BAR_WIDTH + number + 5 * _MARGIN
    block = height // 2
    pitch = min(_MAX_PITCH, (block - _TITLE) // len(names))
    thickness = min(_MAX_THICKNESS, pitch - 4)
    groups = Image.new("RGB", (2 * column, height), BACKGROUND)
    draw = ImageDraw.Draw(groups)
    for place, (part, entropy) in enumerate(zip(parts, entropies, strict=True)):
        left, top = place % 2 * column, place // 2 * block
        is_empty = np.isnan(entropy)
        text = "no pixels" if is_empty else f"entropy {entropy:.2f} nats"
        _text(draw, (left, top + _TITLE // 2), f"{part}: {text}", font, "lm")
        if is_empty:
            continue
        axis = left + label + _MARGIN
        rest = max(1 - shares[place].sum(), 0)
        for bar, name in enumerate(names):
            upper = top + _TITLE + bar * pitch
            middle = upper + thickness // 2
            _text(draw, (axis - _MARGIN, middle), name, font, "rm")
            if bar == len(shown):
                # A number alone: a bar of many classes would dwarf those of each.
                _text(draw, (axis, middle), f"{rest:.1%}", font, "lm")
                continue
            share, color = shares[place][bar], palette[shown[bar]]
            end = axis + round(share / largest * _BAR_WIDTH)
            box = (axis, upper, end, upper + thickness)
            # A darker edge shows bars that are as white as the paper.
            edge = tuple(int(value * 0.7) for value in color)
            draw.rectangle(box, fill=tuple(map(int, color)), outline=edge)
            _text(draw, (end + _MARGIN, middle), f"{share:.1%}", font, "lm")
    return groups


def _text(draw, place, text, font, anchor):
    draw.text(place, text, fill=INK, font=font, anchor=anchor)
