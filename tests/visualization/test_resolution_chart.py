import math

import numpy as np
import pytest
from PIL import Image

from keras_seg.data import default_palette
from keras_seg.visualization import resolution_chart
from tests.visualization.test_height_chart import place_of, written
from tests.visualization.test_prior_chart import HALF, HIGH, LOW, enlarged, line

HEIGHT, WIDTH, SCALE = 9, 15, 2  # of the image
SIDES = 18, 30  # of the original
SHOWN = 288, 480  # 16 times as large
CELLS = 4, 5


def given(seed=0, **changes):
    """Random arguments, in which class 3 of 4 is never predicted."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(*SIDES, 4))
    logits[..., 3] = -9
    return {
        "image": rng.integers(0, 256, (HEIGHT, WIDTH, 3), "uint8"),
        "prediction": {
            "segmentation": logits,
            "super_resolution": rng.uniform(-0.2, 1.2, (*SIDES, 3)),
        },
        "features": {
            "segmentation": rng.normal(size=(*CELLS, 6)),
            "super_resolution": rng.normal(size=(*CELLS, 3)),
        },
    } | changes


def original(seed=1):
    return np.random.default_rng(seed).integers(0, 256, (*SIDES, 3), "uint8")


def flat_image(**changes):
    """Without details, and with features whose similarities are 0, 0.5 and 1."""
    half = [math.sqrt(3) / 2, 0.5]
    cells = np.random.default_rng(2).integers(0, 3, (2, *CELLS))
    cells[:, 0, 0] = 0  # of the point: similar to 0 by 1, to 1 by 0.5, to 2 by 0
    seg, sr = np.array([[0, 1], half, [1, 0]])[cells]
    image = np.full((HEIGHT, WIDTH, 3), [60, 140, 80], "uint8")
    features = {"segmentation": 3 * seg, "super_resolution": sr}
    similarities = 1 - cells / 2
    return given(image=image, features=features, **changes), similarities


def without_ring(pixels, point, radius=9):
    """A copy with nothing around a pixel of the original."""
    y, x = (int((n + 0.5) * 16) for n in point)
    pixels = pixels.copy()
    pixels[max(y - radius, 0) : y + radius, max(x - radius, 0) : x + radius] = 0
    return pixels


def psnr(truth, colors):
    return -10 * math.log10(((truth / 255 - colors) ** 2).mean())


def repeated(pixels, factor):
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)


def below(chart, text):
    """The body under the two lines that end with a text."""
    row, column = place_of(chart, line(text))
    top = row + (chart[row + 16 :, column] != 255).any(axis=-1).argmax() + 16
    return chart[top : top + SHOWN[0], column - 1 : column - 1 + SHOWN[1]]


def test_images_in_one_size():
    truth = original()
    arguments = given(original=truth)
    chart = resolution_chart(**arguments, points=[(0, 0)])
    assert chart.dtype == np.uint8 and chart.ndim == 3 and chart.shape[2] == 3
    colors = arguments["prediction"]["super_resolution"].clip(0, 1)
    picture = (255 * colors).round().astype("uint8")
    middle = place_of(chart, repeated(picture, 16))
    right = place_of(chart, repeated(truth, 16))
    # The ring is in the corner.
    rest = repeated(arguments["image"], 32)[32:]
    left = place_of(chart, rest)
    assert left[0] - 32 == middle[0] == right[0]
    assert left[1] + SHOWN[1] < middle[1] and middle[1] + SHOWN[1] < right[1]


def test_psnr():
    truth = original()
    arguments = given(original=truth)
    chart = resolution_chart(**arguments)
    colors = arguments["prediction"]["super_resolution"].clip(0, 1)
    text = f"18 x 30 pixels; PSNR {psnr(truth, colors):.2f} dB"
    assert place_of(chart, line(text)) is not None
    bicubic = Image.fromarray(arguments["image"]).resize(SIDES[::-1], Image.BICUBIC)
    worth = psnr(truth, np.asarray(bicubic) / 255)
    text = f"9 x 15 pixels; enlarged bicubically: PSNR {worth:.2f} dB"
    assert place_of(chart, line(text)) is not None
    assert place_of(chart, written("original")) is not None


def test_perfect_reconstruction():
    arguments = given(original=original())
    arguments["prediction"]["super_resolution"] = original() / 255
    chart = resolution_chart(**arguments)
    assert place_of(chart, line("18 x 30 pixels; PSNR inf dB")) is not None


def test_without_the_original():
    chart = resolution_chart(**given())
    for text in ("image", "9 x 15 pixels", "reconstruction", "18 x 30 pixels"):
        assert place_of(chart, written(text)) is not None, text
    assert place_of(chart, written("original")) is None
    assert place_of(chart, written("dB")) is None


@pytest.mark.parametrize("own", [True, False])
def test_segmentations_and_their_legend(own):
    arguments = given()
    logits = arguments["prediction"]["segmentation"]
    palette, names = default_palette(4), [f"class {n}" for n in range(4)]
    if own:
        palette = np.array([[9, 0, 0], [0, 99, 0], [0, 0, 200], [50, 60, 70]], "uint8")
        names = arguments["class_names"] = ["road", "car", "sky", "pole"]
        arguments["palette"] = palette
    chart = resolution_chart(**arguments, points=[(0, 0)])
    fine = place_of(chart, repeated(palette[logits.argmax(axis=-1)], 16))
    means = [
        [logits[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].mean((0, 1)) for x in range(15)]
        for y in range(9)
    ]
    classes = np.argmax(means, axis=-1)
    assert (classes != logits.argmax(axis=-1)[::2, ::2]).any()
    coarse = place_of(chart, repeated(palette[classes], 32))
    assert coarse[0] == fine[0] and coarse[1] + SHOWN[1] < fine[1]
    legend = chart[:, fine[1] + SHOWN[1] :]
    for index, name in enumerate(names):
        swatch = np.broadcast_to(palette[index], (10, 10, 3))
        assert (place_of(legend, swatch) is not None) == (index < 3)
        assert (place_of(legend, written(name)) is not None) == (index < 3)


def test_similarities_of_both_branches():
    point = (0, 0)
    arguments, similarities = flat_image(points=[point])
    chart = resolution_chart(**arguments)
    maps = [
        without_ring(enlarged(np.array([LOW, HALF, HIGH])[cells], *SHOWN), point)
        for cells in (2 * similarities).astype(int)
    ]
    assert (maps[0] != maps[1]).any()
    label = arguments["prediction"]["segmentation"][point].argmax()
    places = []
    for branch, expected in zip(
        ("segmentation", "super-resolution"), maps, strict=True
    ):
        shown = below(chart, f"1: class {label}, {branch}")
        np.testing.assert_array_equal(without_ring(shown, point), expected)
        assert (shown[8, 2:15] == 255).all(axis=-1).any()  # the ring
        places.append(place_of(chart, line(f"1: class {label}, {branch}")))
    assert places[0][0] < places[1][0]
    difference = np.abs(similarities[0] - similarities[1]).mean()
    text = f"mean absolute difference {difference:.3f}"
    assert place_of(chart, line(text)) is not None


def test_both_branches_have_the_scale_of_the_wider_one():
    arguments, similarities = flat_image(points=[(0, 0)])
    seg = arguments["features"]["segmentation"]
    seg[similarities[0] == 0] = [1, 1]  # at 45 degrees
    chart = resolution_chart(**arguments)
    label = arguments["prediction"]["segmentation"][0, 0].argmax()
    shown = below(chart, f"1: class {label}, segmentation")
    assert not (shown == LOW).all(axis=-1).any()
    assert place_of(chart, written("0.707")) is None
    row, _ = first = place_of(chart, written("0.000"))
    assert place_of(chart[row + 20 :], written("0.000")) is not None, first


def test_the_difference_of_all_pairs():
    arguments = given()
    chart = resolution_chart(**arguments)
    similarities = []
    for x in arguments["features"].values():
        x = x.reshape(20, -1)
        x = x / np.sqrt((x**2).sum(axis=1, keepdims=True))
        similarities.append(x @ x.T)
    difference = np.abs(similarities[0] - similarities[1]).mean()
    text = (
        "Similarities of all pairs of 4 x 5 cells: mean absolute difference of both "
        f"branches {difference:.3f}"
    )
    assert place_of(chart, line(text)) is not None


@pytest.mark.parametrize(
    ("point", "cell"), [((4, 11), (0, 1)), ((5, 12), (1, 2)), ((17, 29), (3, 4))]
)
def test_a_point_belongs_to_the_cell_that_it_lies_in(point, cell):
    arguments, _ = flat_image(points=[point])
    features = arguments["features"]
    features["segmentation"] = np.eye(20).reshape(*CELLS, 20)
    features["super_resolution"][:] = 1
    chart = resolution_chart(**arguments)
    cells = np.full((*CELLS, 3), LOW)
    cells[cell] = HIGH
    label = arguments["prediction"]["segmentation"][point].argmax()
    shown = below(chart, f"1: class {label}, segmentation")
    expected = without_ring(enlarged(cells, *SHOWN), point)
    np.testing.assert_array_equal(without_ring(shown, point), expected)


def test_details_of_the_image_are_in_the_maps():
    arguments, _ = flat_image(points=[(1, 2)])
    arguments["image"][:, 8:] = 220
    for features in arguments["features"].values():
        features[:] = 1
    chart = resolution_chart(**arguments)
    label = arguments["prediction"]["segmentation"][1, 2].argmax()
    shown = below(chart, f"1: class {label}, super-resolution").astype(int)
    edge = np.abs(shown[150:, 220:290] - HIGH).max()
    assert edge > 8 and np.abs(shown[150:, 400:] - HIGH).max() == 0


def test_points_are_marked_and_numbered():
    arguments, _ = flat_image(points=[(9, 4), (3, 26)])
    chart = resolution_chart(**arguments)
    color = arguments["image"][0, 0]
    top, left = np.argwhere((chart == color).all(axis=-1))[0]
    image = chart[top : top + SHOWN[0], left : left + SHOWN[1]]
    for (y, x), side in (((9, 4), 1), ((3, 26), -1)):
        y, x = y * 16 + 8, x * 16 + 8
        assert (image[y, [x - 6, x + 6]] == 255).all() and (image[y, x] == color).all()
        number = image[y - 8 : y + 9, min(x + 10 * side, x + 20 * side) :][:, :10]
        assert (number == 255).all(axis=-1).any()


def test_chosen_points():
    arguments = given()
    logits = arguments["prediction"]["segmentation"]
    logits[:] = 0
    logits[..., 2] = 1
    logits[:9, :18, 0] = 2  # cells of rows 0 and 1 and of columns 0 to 2
    logits[13:, 24:, 3] = 2  # the last cell
    logits[0, 29, 1] = 2  # no upper left pixel of a cell
    chart = resolution_chart(**arguments)
    # The first of the inmost cells, next to the middle of them.
    points = [(11, 15), (2, 9), (16, 27)]
    expected = resolution_chart(**arguments, points=points)
    np.testing.assert_array_equal(chart, expected)
    for number, label in enumerate((2, 0, 3), 1):
        text = f"{number}: class {label}, super-resolution"
        assert place_of(chart, line(text)) is not None, text


@pytest.mark.parametrize("number", [1, 4])
@pytest.mark.parametrize("height, width", [(1, 1), (2, 300), (150, 3), (400, 300)])
def test_nothing_is_cut_off(height, width, number):
    sides = 2 * height, 2 * width
    arguments = given(
        image=np.zeros((height, width, 3)),
        prediction={
            "segmentation": np.zeros((*sides, 1)),
            "super_resolution": np.zeros((*sides, 3)),
        },
        original=np.zeros((*sides, 3)),
        points=[(0, 0), *[(sides[0] - 1, sides[1] - 1)] * (number - 1)],
        class_names=["a class with a name that is longer than an image here"],
    )
    chart = resolution_chart(**arguments)
    assert chart.shape[1] <= 3100 and chart.shape[0] <= 5000
    for edge in (chart[:2], chart[-2:], chart[:, :2], chart[:, -2:]):
        assert (edge == 255).all()
    name = arguments["class_names"][0]
    for text in ("original", name, f"{number}: {name}, super-resolution"):
        assert place_of(chart, line(text)) is not None, text


def test_large_images_are_reduced_to_960_pixels():
    arguments = given(image=np.zeros((100, 1200, 3)))
    colors = np.random.default_rng(0).integers(0, 2, (200, 960, 3)).astype(float)
    # Each of its pixels is the mean of 2.5.
    colors = np.repeat(colors, 5, axis=1)[:, ::2]
    arguments["prediction"] = {
        "segmentation": np.zeros((200, 2400, 1)),
        "super_resolution": colors,
    }
    chart = resolution_chart(**arguments, points=[(0, 0)])
    assert 2 * 960 < chart.shape[1] < 3 * 960 + 100
    middle = place_of(chart, line("reconstruction"))[1]
    right = place_of(chart, line("image"))[1]
    assert middle - right == 960 + 20


def without(name, dictionary):
    return {key: value for key, value in dictionary.items() if key != name}


PREDICTION, FEATURES = given()["prediction"], given()["features"]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"image": np.zeros((9, 15))}, r"`image` must be.*shape \(9, 15\)"),
        (
            {"image": np.zeros((9, 14, 3))},
            r"`prediction`.*\(18, 30, 4\) and \(18, 30, 3\).*image of \(9, 14\)",
        ),
        ({"image": np.zeros((20, 30, 3))}, r"`prediction`.*image of \(20, 30\)"),
        (
            {"prediction": PREDICTION | {"segmentation": np.zeros((9, 15, 4))}},
            r"`prediction` must hold logits.*\(9, 15, 4\) and \(18, 30, 3\)",
        ),
        (
            {"prediction": PREDICTION | {"super_resolution": np.zeros((1, 18, 30, 3))}},
            r"`prediction`.*\(1, 18, 30, 3\)",
        ),
        (
            {
                "prediction": PREDICTION
                | {"super_resolution": np.full((18, 30, 3), np.nan)}
            },
            "`prediction` must be finite.*'super_resolution'",
        ),
        (
            {"prediction": without("super_resolution", PREDICTION)},
            r"`prediction` must be a dict.*Received: \['segmentation'\]",
        ),
        (
            {"features": without("segmentation", FEATURES)},
            r"`features` must be a dict.*Received: \['super_resolution'\]",
        ),
        (
            {"features": FEATURES | {"segmentation": np.zeros((4, 4, 6))}},
            r"`features`.*\(4, 4, 6\) and \(4, 5, 3\)",
        ),
        (
            {"features": FEATURES | {"segmentation": np.full((4, 5, 6), np.inf)}},
            "`features` must be finite.*'segmentation'",
        ),
        (
            {"original": np.zeros((18, 31, 3))},
            r"`original`.*\(18, 30\).*Received: \(18, 31\)",
        ),
        ({"points": [(18, 0)]}, r"`points`.*\(18, 30\).*points=\[\(18, 0\)\]"),
        ({"points": []}, r"`points`.*points=\[\]"),
        ({"class_names": ["a"] * 3}, "3 names for 4 classes"),
        ({"palette": np.zeros((3, 3))}, r"palette of shape \(3, 3\).*4 classes"),
    ],
)
def test_rejects_bad_arguments(changes, message):
    with pytest.raises(ValueError, match=message):
        resolution_chart(**given(**changes))
