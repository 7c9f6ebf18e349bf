import itertools

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from keras_seg.ops import sample_labels
from keras_seg.visualization import prior_chart
from keras_seg.visualization.affinity import cell_classes, pair_scores
from tests.visualization.test_height_chart import place_of, written

LOW, HALF, HIGH, PALE = (12, 16, 48), (175, 70, 125), (255, 235, 170), (222, 222, 222)
SIDE = 360  # pixels of a map
ROWS, COLUMNS = SIZE = (3, 4)
GREEN = np.full((25, 33, 3), [60, 140, 80], "uint8")  # drawn with 360 x 475 pixels


def colors(values):
    """Those of values of 0, 0.5 and 1."""
    return np.array([LOW, HALF, HIGH], "uint8")[(2 * np.asarray(values)).astype(int)]


def enlarged(cells, height, width):
    """Each pixel as the cell that it lies in."""
    rows, columns = len(cells), len(cells[0])
    return np.array(
        [
            [cells[y * rows // height][x * columns // width] for x in range(width)]
            for y in range(height)
        ]
    )


def random_prior(cells=12, seed=0):
    return np.random.default_rng(seed).integers(0, 3, (cells, cells)) / 2


def random_labels(height=25, width=33):
    """Of three classes and ignored pixels."""
    labels = np.random.default_rng(1).integers(0, 3, (height, width))
    labels[8:16, :8] = 255  # cell 4
    return labels


def sampled(labels, rows=ROWS, columns=COLUMNS):
    height, width = labels.shape
    return [
        int(labels[row * height // rows, column * width // columns])
        for row in range(rows)
        for column in range(columns)
    ]


def line(text):
    """The pixels of a text, however long, cut to its ink."""
    picture = Image.new("RGB", (1200, 60), (255, 255, 255))
    font = ImageFont.load_default(size=15)
    ImageDraw.Draw(picture).text((20, 20), text, (32, 32, 32), font)
    pixels = np.array(picture)
    rows, columns = np.nonzero((pixels < 255).any(axis=-1))
    return pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def row_images(chart, height, width, number):
    """The images in the last line of a chart without labels."""
    bottom = len(chart) - 59  # the scale, its numbers and the margin
    lefts = [20 + place * (width + 20) for place in range(number)]
    return [chart[bottom - height : bottom, x : x + width] for x in lefts]


def scores_of(prior, classes):
    """Mean priors of the same and of different classes, and the AUC, by loops."""
    same, different = [], []
    for i, j in itertools.permutations(range(len(classes)), 2):
        if 255 not in (classes[i], classes[j]):
            (same if classes[i] == classes[j] else different).append(prior[i, j])
    wins = [(a > b) + (a == b) / 2 for a in same for b in different]
    return [sum(values) / len(values) for values in (same, different, wins)]


def test_both_maps_are_sorted_by_class():
    prior, labels = random_prior(), random_labels()
    chart = prior_chart(prior, SIZE, GREEN, labels)
    assert chart.dtype == np.uint8 and chart.ndim == 3 and chart.shape[2] == 3
    classes = sampled(labels)
    order = sorted(range(12), key=classes.__getitem__)  # 255 comes last
    assert 255 in classes and order != list(range(12))
    expected = [[prior[i, j] for j in order] for i in order]
    learned = place_of(chart, enlarged(colors(expected), SIDE, SIDE))
    ideal = [
        [
            PALE
            if 255 in (classes[i], classes[j])
            else (HIGH if classes[i] == classes[j] else LOW)
            for j in order
        ]
        for i in order
    ]
    row, column = place_of(chart, enlarged(np.array(ideal, "uint8"), SIDE, SIDE))
    assert learned[0] == row and learned[1] + SIDE < column
    for text in ("12 x 12 cells, sorted by class", "ideal affinity map", "ignored"):
        assert place_of(chart, written(text)) is not None, text


def test_without_labels_the_prior_is_as_it_is():
    prior = random_prior()
    chart = prior_chart(prior, SIZE, GREEN)
    assert place_of(chart, enlarged(colors(prior), SIDE, SIDE)) is not None
    assert place_of(chart, written("12 x 12 cells, row by row")) is not None
    assert place_of(chart, written("ideal affinity map")) is None
    text = f"prior 0.000 to 1.000, mean {prior.mean():.3f}"
    assert place_of(chart, written(text)) is not None
    np.testing.assert_array_equal(
        prior_chart(prior.astype("float16"), SIZE, GREEN), chart
    )


def test_more_cells_than_pixels_are_averaged():
    cells = 2 * SIDE
    prior = np.ones((cells, cells), "float32")
    prior[:SIDE:2] = 0  # 0.5 above
    prior[SIDE:, SIDE:][::2, ::2] = prior[SIDE:, SIDE:][1::2, 1::2] = 0  # and here
    expected = np.full((SIDE, SIDE, 3), HIGH, "uint8")
    expected[: SIDE // 2] = expected[SIDE // 2 :, SIDE // 2 :] = HALF
    labels = (np.arange(cells) > SIDE).astype(int).reshape(24, 30)
    chart = prior_chart(prior, (24, 30), np.zeros((24, 30, 3)), labels)
    assert place_of(chart, expected) is not None
    # The pixel in the middle holds a cell of each class.
    ideal = np.zeros((SIDE, SIDE))
    ideal[: SIDE // 2, : SIDE // 2] = ideal[SIDE // 2 + 1 :, SIDE // 2 + 1 :] = 1
    ideal[SIDE // 2] = ideal[:, SIDE // 2] = 0.5
    assert place_of(chart, colors(ideal)) is not None
    # Where one of these is ignored, that lightens the colour by its share.
    labels[labels == 1] = 255
    chart = prior_chart(prior, (24, 30), np.zeros((24, 30, 3)), labels)
    high, pale = np.array(HIGH), np.array(PALE)
    expected = np.full((SIDE, SIDE, 3), PALE)
    expected[: SIDE // 2, : SIDE // 2] = HIGH
    half = expected[: SIDE // 2 + 1, : SIDE // 2 + 1]
    half[-1] = half[:, -1] = (high / 2 + pale / 2).round()
    half[-1, -1] = (high / 4 + pale * 3 / 4).round()
    assert place_of(chart, expected) is not None


@pytest.mark.parametrize(
    "point, cell", [((8, 24), 2), ((9, 25), 7), ((24, 32), 11), ((0, 0), 0)]
)
def test_a_point_shows_the_row_of_its_cell(point, cell):
    prior = np.eye(12)
    chart = prior_chart(prior, SIZE, GREEN, points=[point])
    assert place_of(chart, written(f"1: pixel {point}")) is not None
    (shown,) = row_images(chart, 360, 475, 1)
    expected = enlarged(colors(prior[cell].reshape(SIZE)), 360, 475)
    y, x = int((point[0] + 0.5) * 360 / 25), int((point[1] + 0.5) * 475 / 33)
    is_ring = np.zeros((360, 475), bool)
    is_ring[max(y - 7, 0) : y + 8, max(x - 7, 0) : x + 8] = True
    np.testing.assert_array_equal(shown[~is_ring], expected[~is_ring])


def test_points_are_marked_and_numbered():
    points = [(12, 3), (2, 28)]
    chart = prior_chart(np.zeros((12, 12)), SIZE, GREEN, points=points)
    top, left = np.argwhere((chart == GREEN[0, 0]).all(axis=-1))[0]
    image = chart[top : top + 360, left : left + 475]
    rows = row_images(chart, 316, 417, 2)
    # The number is on the right of the first point, and on the left of the second.
    for (y, x), row, side in zip(points, rows, (1, -1), strict=True):
        for picture, color in ((image, GREEN[0, 0]), (row, LOW)):
            height, width = picture.shape[:2]
            y_there, x_there = int((y + 0.5) * height / 25), int((x + 0.5) * width / 33)
            around = picture[y_there - 9 : y_there + 10, x_there - 25 : x_there + 26]
            is_white = (around == 255).all(axis=-1)
            assert is_white[9, [19, 31]].all() and is_white[[3, 15], 25].all()
            assert (around[7:12, 23:28] == color).all()  # the ring hides no point
            number, other = is_white[:, 36:], is_white[:, :15]
            if side == -1:
                number, other = other, number
            assert number.any() == (picture is image) and not other.any()


def test_numbers_of_points_at_the_edge_are_whole():
    image = np.tile(GREEN, (14, 14, 1))
    for points in ([(0, 50)], [(349, 50)]):
        counts = []
        for place in (points, [(170, 50)]):
            chart = prior_chart(np.zeros((12, 12)), SIZE, image, points=place)
            top, left = np.argwhere((chart == GREEN[0, 0]).all(axis=-1))[0]
            number = chart[top : top + 360, left + 59 : left + 72]  # right of the ring
            counts.append((number == 255).all(axis=-1).sum())
        assert counts[0] == counts[1] > 5


def test_rows_have_scales_of_their_own():
    prior = np.full((12, 12), 0.3)
    prior[3, :4], prior[3, 8:] = 0.2, 0.4
    prior[11] = 1
    points = [(0, 32), (12, 32), (24, 32)]
    chart = prior_chart(prior, SIZE, GREEN, points=points)
    for text in ("0.200", "0.400", "0.300", "0.310", "0.990", "1.000"):
        assert place_of(chart, written(text)) is not None, text
    thirds, constant, ones = row_images(chart, 205, 271, 3)
    expected = enlarged(colors([[0], [0.5], [1]]), 205, 271)
    np.testing.assert_array_equal(thirds[:, :250], expected[:, :250])
    assert (constant[:, :250] == LOW).all()  # where there is no contrast, none is drawn
    assert (ones[:, :250] == HIGH).all()


def test_details_of_the_image_are_in_the_rows():
    image = np.full((25, 33, 3), 40, "uint8")
    image[:, 16:] = 200
    chart = prior_chart(np.full((12, 12), 0.5), SIZE, image, points=[(2, 4)])
    (shown,) = row_images(chart, 360, 475, 1)
    # Neither dark nor bright areas change the colour, but edges are to be seen.
    assert (shown[100:, :150] == LOW).all() and (shown[:, 330:] == LOW).all()
    assert (shown[:, 225] < LOW).all() and (shown[:, 236] > np.add(LOW, 20)).all()


def test_numbers_of_the_pairs():
    prior = np.random.default_rng(0).integers(0, 101, (12, 12)) / 100
    labels = random_labels()
    same, different, auc = scores_of(prior, sampled(labels))
    chart = prior_chart(prior, SIZE, GREEN, labels, points=[(0, 0), (12, 0)])
    text = (
        f"prior {prior.min():.3f} to {prior.max():.3f}, mean {prior.mean():.3f}; "
        f"of pairs of the same class {same:.3f}; "
        f"of pairs of different classes {different:.3f}; AUC {auc:.3f}"
    )
    assert place_of(chart, line(text)) is not None
    classes = np.array(sampled(labels))
    mine, rest = prior[0, 1:][classes[1:] == classes[0]], classes != classes[0]
    other = prior[0, rest & (classes != 255)]
    text = f"same class {mine.mean():.3f}, different {other.mean():.3f}"
    assert place_of(chart, written(text)) is not None
    assert place_of(chart, written(f"1: class {classes[0]}")) is not None
    assert place_of(chart, written("2: ignored")) is not None
    text = f"different {prior[4, classes != 255].mean():.3f}"
    assert place_of(chart, written(text)) is None


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "value, kind", [(2, "; of pairs of the same class 0.250"), (255, "")]
)
def test_one_class_and_none(value, kind):
    prior = np.full((12, 12), 0.25)
    chart = prior_chart(prior, SIZE, GREEN, np.full((25, 33), value))
    text = line(f"prior 0.250 to 0.250, mean 0.250{kind}")
    row, column = place_of(chart, text)
    height, width = text.shape[:2]
    assert (chart[row : row + height, column + width :] == 255).all()  # all of it
    ideal = np.full((SIDE, SIDE, 3), HIGH if kind else PALE, "uint8")
    assert place_of(chart, ideal) is not None
    assert (place_of(chart, written("ignored")) is not None) == (value == 255)


@pytest.mark.parametrize("cells", [2, 40, 1100])
def test_pair_scores(cells):
    rng = np.random.default_rng(0)
    prior = rng.integers(0, 1001, (cells, cells)).astype("float32") / 1000
    classes = rng.integers(-1, 3, cells) if cells > 2 else np.array([0, 1])
    scores = pair_scores(prior, classes)
    is_pair = (classes[:, None] >= 0) & (classes >= 0) & ~np.eye(cells, dtype=bool)
    is_same = classes[:, None] == classes
    same, different = prior[is_pair & is_same], prior[is_pair & ~is_same]
    np.testing.assert_allclose(scores.different, different.mean(), rtol=1e-5)
    if cells == 2:
        assert np.isnan(scores.same) and np.isnan(scores.auc)
        return
    np.testing.assert_allclose(scores.same, same.mean(), rtol=1e-5)
    different.sort()
    below = np.searchsorted(different, same, "left")
    auc = (below + np.searchsorted(different, same, "right")) / 2 / len(different)
    np.testing.assert_allclose(scores.auc, auc.mean(), rtol=1e-6)
    # Ranks alone count, however close the values are.
    near = pair_scores(0.5 + prior / 1000, classes)
    np.testing.assert_allclose(near.auc, scores.auc, rtol=1e-6)


@pytest.mark.parametrize("size", [(3, 4), (5, 7), (25, 33), (30, 2)])
def test_cell_classes_are_the_sampled_labels(size):
    labels = random_labels()
    classes = cell_classes(labels, size, ignore_class=255)
    expected = np.array(sampled(labels, *size))
    np.testing.assert_array_equal(np.where(classes == -1, 255, classes), expected)
    np.testing.assert_array_equal(
        np.asarray(sample_labels(labels[None], size))[0], expected
    )
    assert set(cell_classes(labels - 2, size, ignore_class=0)) == {-1, 253}


def test_chosen_points():
    labels = np.full((12, 16), 255)
    labels[2:7, 3:8] = 7
    labels[8:11, 8:13] = 2
    labels[8:11, 2:5] = 5
    labels[0, 15], labels[0, 13] = 3, 4  # the first of equals
    labels = labels.repeat(2, axis=0).repeat(3, axis=1)
    image = np.random.default_rng(0).uniform(0, 255, (24, 48, 3))
    prior = random_prior(192)
    chart = prior_chart(prior, (12, 16), image, labels)
    points = [(9, 16), (19, 31), (19, 10), (1, 46)]
    expected = prior_chart(prior, (12, 16), image, labels, points)
    np.testing.assert_array_equal(chart, expected)
    for title in ("1: class 7", "2: class 2", "3: class 5", "4: class 3"):
        assert place_of(chart, written(title)) is not None, title
    points = [(6, 12), (6, 36), (18, 12), (18, 36)]
    for label in (None, np.full((24, 48), 255)):
        chart = prior_chart(prior, (12, 16), image, label)
        expected = prior_chart(prior, (12, 16), image, label, points)
        np.testing.assert_array_equal(chart, expected)


def test_squares_have_the_names_of_the_classes():
    labels = np.zeros((25, 33), int)
    labels[8:] = 2
    labels[16:, 24:] = 11  # the last cell
    names = ["tree", "sign", "road"]
    prior = random_prior()
    chart = prior_chart(
        prior, SIZE, GREEN, labels, [(0, 0)], ignore_class=11, class_names=names
    )
    top, left = place_of(chart, enlarged(colors(prior), SIDE, SIDE))
    for name, (low, high) in {
        "tree": (0, 4),
        "road": (4, 11),
        "ignored": (11, 12),
    }.items():
        row, column = place_of(chart[:, :left], written(name))
        middle = row + len(written(name)) / 2 - top
        assert abs(middle - (low + high) * 15) < 4 and column > 480
    assert place_of(chart, written("sign")) is None
    assert place_of(chart, written("1: tree")) is not None
    # Squares that are lower than a line have none.
    labels = np.arange(48 * 48).reshape(48, 48) // 1152
    labels[-1, -1] = 2
    chart = prior_chart(random_prior(2304), (48, 48), np.zeros((48, 48, 3)), labels)
    for index in range(3):
        place = place_of(chart[:500], written(f"class {index}"))
        assert (place is not None) == (index < 2)


@pytest.mark.parametrize("shape", [(500, 20), (20, 500), (1, 1)])
@pytest.mark.parametrize("number, with_labels", [(1, False), (6, True)])
def test_nothing_is_cut_off(shape, number, with_labels):
    image, labels = np.zeros((*shape, 3)), np.zeros(shape, int) if with_labels else None
    points = [(0, 0), *[(shape[0] - 1, shape[1] - 1)] * (number - 1)]
    name = "a class with a name that is longer than its map"
    prior = random_prior(6)
    chart = prior_chart(prior, (2, 3), image, labels, points, class_names=[name])
    for edge in (chart[:2], chart[-2:], chart[:, :2], chart[:, -2:]):
        assert (edge == 255).all()
    texts = ["image", "learned prior", f"{shape[0]} x {shape[1]} pixels"]
    texts += [f"{number}: {name if with_labels else f'pixel {points[-1]}'}"]
    for text in texts:
        assert place_of(chart, line(text)) is not None, text


def test_images_of_floats():
    image = np.random.default_rng(0).integers(0, 256, (25, 33, 3), "uint8")
    chart = prior_chart(random_prior(), SIZE, image)
    floats = prior_chart(random_prior(), SIZE, image + 0.3)
    np.testing.assert_array_equal(floats, chart)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"prior_size": 12}, "`prior_size` must be.*Received: prior_size=12"),
        ({"prior_size": (3, 5)}, r"`prior` must be.*shape \(12, 12\).*\(3, 5\).*15"),
        ({"prior": np.zeros((1, 12, 12))}, r"`prior` must be.*shape \(1, 12, 12\)"),
        ({"prior": np.full((12, 12), 1.5)}, r"0\.\.1.*sigmoid.*values in 1\.5\.\.1\.5"),
        ({"prior": np.full((12, 12), -0.1)}, r"0\.\.1.*values in -0\.1"),
        ({"prior": np.full((12, 12), np.nan)}, r"0\.\.1.*values in nan"),
        ({"image": np.zeros((25, 33))}, r"`image` must be.*shape \(25, 33\)"),
        ({"image": np.zeros((1, 25, 33, 3))}, r"`image` must be.*\(1, 25, 33, 3\)"),
        ({"image": np.zeros((0, 33, 3))}, r"`image` must be.*\(0, 33, 3\)"),
        (
            {"labels": np.zeros((24, 33), int)},
            r"`labels`.*\(25, 33\).*int64 \(24, 33\)",
        ),
        ({"labels": np.zeros((25, 33))}, r"`labels` must be integers.*float64"),
        ({"points": []}, r"`points` must hold.*points=\[\]"),
        ({"points": np.zeros((0, 2), int)}, "`points` must hold.*one or more"),
        ({"points": [(25, 0)]}, r"`points`.*\(25, 33\).*points=\[\(25, 0\)\]"),
        ({"points": [(0, 33)]}, r"`points`.*points=\[\(0, 33\)\]"),
        ({"points": [(0, -1)]}, r"`points`.*points=\[\(0, -1\)\]"),
        ({"points": [(0.5, 1)]}, r"`points`.*ints.*points=\[\(0.5, 1\)\]"),
        ({"points": (3, 4)}, r"`points`.*points=\(3, 4\)"),
        (
            {"labels": np.full((25, 33), 2), "class_names": ["a", "b"]},
            "`class_names`.*2 names and the class 2",
        ),
    ],
)
def test_rejects_bad_arguments(changes, message):
    given = {"prior": np.zeros((12, 12)), "prior_size": SIZE, "image": GREEN}
    with pytest.raises(ValueError, match=message):
        prior_chart(**given | changes)
