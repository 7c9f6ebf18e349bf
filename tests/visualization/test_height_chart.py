import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from keras_seg.data import default_palette
from keras_seg.visualization import height_chart

PALETTE = np.array([[200, 0, 0], [0, 150, 0], [0, 0, 100]], "uint8")
NAMES = ("road", "car", "sky")
COUNTS = np.array(  # by mean height: sky, car, road
    [[0, 10, 30], [0, 0, 8], [10, 10, 20], [5, 5, 0], [36, 4, 0], [10, 0, 0]]
)
PANEL, WIDTH = 480, 400  # pixels of the panel on the left


def place_of(picture, part):
    """The (row, column) of an array of pixels in a picture, or None."""
    height, width = part.shape[:2]
    rows, columns = len(picture) - height + 1, picture.shape[1] - width + 1
    dark = np.unravel_index(part.sum(axis=-1).argmin(), part.shape[:2])
    candidates = np.ones((rows, columns), bool)
    for y, x in (dark, (0, 0), (height // 2, width // 2), (height - 1, width - 1)):
        candidates &= (picture[y:, x:][:rows, :columns] == part[y, x]).all(axis=-1)
    for row, column in np.argwhere(candidates).tolist():
        there = picture[row : row + height, column : column + width]
        if np.array_equal(there, part):
            return row, column
    return None


def written(text):
    """The pixels of a text, cut to its ink."""
    picture = Image.new("RGB", (600, 60), (255, 255, 255))
    font = ImageFont.load_default(size=15)
    ImageDraw.Draw(picture).text((20, 20), text, (32, 32, 32), font)
    pixels = np.array(picture)
    rows, columns = np.nonzero((pixels < 255).any(axis=-1))
    return pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def stack(counts, palette, order):
    """One row of pixels, by a loop over the classes."""
    row, ends = np.zeros((WIDTH, 3), "uint8"), np.cumsum([0, *counts[order]])
    for index, start, end in zip(order, ends[:-1], ends[1:], strict=True):
        row[start * WIDTH // ends[-1] : end * WIDTH // ends[-1]] = palette[index]
    return row


def test_stacks_the_shares_at_each_height_from_the_highest_class_on():
    chart = height_chart(COUNTS, PALETTE, NAMES)
    assert chart.dtype == np.uint8 and chart.shape[2] == 3
    rows = np.array([stack(counts, PALETTE, [2, 1, 0]) for counts in COUNTS])
    rows = rows.repeat(PANEL // 6, axis=0)
    places = [place_of(chart, third) for third in np.split(rows, 3)]
    assert None not in places
    (top, left), *others = places
    gap = 3
    assert others == [
        (top + 160 + gap, left),
        (top + 2 * (160 + gap), left),
    ]


def test_bars_are_as_long_as_the_shares():
    chart = height_chart(COUNTS, PALETTE, NAMES)
    legend, labels = 31, 98
    groups = chart[:-legend, WIDTH + labels :]
    middle, center = len(groups) // 2, groups.shape[1] // 2
    whole, upper = groups[:middle, :center], groups[:middle, center:]
    lower_left, lower_right = groups[middle:, :center], groups[middle:, center:]
    thirds = [COUNTS[:2].sum(axis=0), COUNTS[2:4].sum(axis=0), COUNTS[4:].sum(axis=0)]
    parts = [
        (whole, sum(thirds)),
        (upper, thirds[0]),
        (lower_left, thirds[1]),
        (lower_right, thirds[2]),
    ]
    largest = max(counts.max() / counts.sum() for _, counts in parts)
    for group, counts in parts:
        for color, share in zip(PALETTE, counts / counts.sum(), strict=True):
            length = (group == color).all(axis=-1).sum(axis=1).max()
            # The two ends are of a darker shade.
            assert length == pytest.approx(max(share / largest * 170 - 1, 0), abs=0.6)


def test_texts_state_entropies_and_shares():
    chart = height_chart(COUNTS, PALETTE, NAMES)
    for text in (
        "whole image: entropy 1.05 nats",  # of 61, 29 and 58 pixels of 148
        "upper third: entropy 0.51 nats",  # 0, 10, 38
        "middle third: entropy 1.09 nats",  # 15, 15, 20
        "lower third: entropy 0.28 nats",  # 46, 4, 0
        "41.2%",
        "79.2%",
        "92.0%",
    ):
        assert place_of(chart, written(text)) is not None, text
    assert place_of(chart, written("no pixels")) is None


def test_bars_are_in_the_order_of_the_whole_image():
    chart = height_chart(COUNTS, PALETTE, NAMES)[:, WIDTH + 98 :]
    places = [place_of(chart, written(name)) for name in ("road", "sky", "car")]
    rows = [row for row, _ in places]
    assert rows == sorted(rows)


def test_legend_is_in_the_order_of_the_stack():
    legend = height_chart(COUNTS, PALETTE, NAMES)[-31:]
    columns = [np.argwhere((legend == color).all(axis=-1))[0, 1] for color in PALETTE]
    assert columns[2] < columns[1] < columns[0]
    # A class that does not occur comes last.
    legend = height_chart(COUNTS * [1, 1, 0], PALETTE, NAMES)[-31:]
    columns = [np.argwhere((legend == color).all(axis=-1))[0, 1] for color in PALETTE]
    assert columns[1] < columns[0] < columns[2]


@pytest.mark.filterwarnings("error")
def test_heights_without_pixels():
    counts = COUNTS.copy()
    counts[:3] = 0
    chart = height_chart(counts, PALETTE, NAMES)
    pale = np.full((160, WIDTH, 3), 236, "uint8")
    assert place_of(chart, pale) is not None
    assert place_of(chart, written("upper third: no pixels")) is not None
    groups, legend = chart[:-31, WIDTH + 98 :], chart[-31:]
    assert place_of(legend, written("no pixels")) is not None
    upper = groups[: len(groups) // 2, groups.shape[1] // 2 :]
    assert not any((upper == color).all(axis=-1).any() for color in PALETTE)
    assert place_of(upper, written("road")) is None


def test_many_classes_with_long_names():
    counts = np.random.default_rng(0).integers(1, 100, (48, 150))
    counts[:, :11] += 1000
    names = [f"a class with a long name {index}" for index in range(150)]
    palette = default_palette(150)
    chart = height_chart(counts, palette, names)
    for edge in (chart[:2], chart[-2:], chart[:, :2], chart[:, -2:]):
        assert (edge == 255).all()  # nothing reaches beyond
    others = counts[:, 11:].sum() / counts.sum()
    for text in ("139 others", f"{others:.1%}"):
        assert place_of(chart, written(text)) is not None
    numbers = [256**2, 256, 1]  # one for each colour, which are faster to count
    legend = np.bincount((chart[575:] @ numbers).ravel(), minlength=256**3)
    assert (legend[palette @ numbers] > 100).all()


def test_one_class_and_white():
    chart = height_chart(np.full((3, 1), 5), [[255, 255, 255]], ["snow"])
    assert place_of(chart, written("whole image: entropy 0.00 nats")) is not None
    # Frames show what is as white as the paper.
    assert (chart[100, 60:470] < 200).all(axis=-1).sum() >= 2
    assert (chart[-31:, 8] == 32).all(axis=-1).sum() == 16


@pytest.mark.parametrize(
    "counts, palette, names, message",
    [
        (np.ones((4, 3)), PALETTE, NAMES, r"multiple of 3.*shape \(4, 3\)"),
        (np.ones(3), PALETTE, NAMES, r"`counts` must be.*shape \(3,\)"),
        (np.ones((0, 3)), PALETTE, NAMES, r"`counts` must be.*shape \(0, 3\)"),
        (np.ones((3, 4)), PALETTE, NAMES, r"4 classes.*palette \(3, 3\) and 3 names"),
        (np.ones((3, 3)), PALETTE, NAMES[:2], "3 classes.*and 2 names"),
        (np.ones((3, 3)), PALETTE[:2], NAMES, r"3 classes.*palette \(2, 3\)"),
        (np.zeros((3, 3)), PALETTE, NAMES, "must hold pixels. Received zeros"),
        (-np.ones((3, 3)), PALETTE, NAMES, "must hold finite values of 0 or more"),
    ],
)
def test_rejects_bad_arguments(counts, palette, names, message):
    with pytest.raises(ValueError, match=message):
        height_chart(counts, palette, names)
