import math

import numpy as np
import pytest
from PIL import Image

from keras_seg.data import default_palette
from keras_seg.visualization import resolution_chart
from tests.visualization.figures import (
    assert_nothing_is_cut_off,
    axes_titled,
    rings_in,
    scale_of,
    texts,
    values_in,
)

HEIGHT, WIDTH, SCALE = 9, 15, 2  # of the image
SIDES = 18, 30  # of the original
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


def psnr(truth, colors):
    return -10 * math.log10(((truth / 255 - colors) ** 2).mean())


def title_of(arguments, branch, number=1):
    (point, *_) = arguments["points"]
    label = arguments["prediction"]["segmentation"][point].argmax()
    return f"{number}: class {label}, {branch}"


def test_images_in_one_size():
    truth = original()
    arguments = given(original=truth, points=[(9, 4), (3, 26)])
    figure = resolution_chart(**arguments)
    colors = arguments["prediction"]["super_resolution"].clip(0, 1)
    expected = {
        "image": arguments["image"],
        "reconstruction": (255 * colors).round().astype("uint8"),
        "original": truth,
    }
    for title, pixels in expected.items():
        axes = axes_titled(figure, f"{title}\n")
        np.testing.assert_array_equal(values_in(axes), pixels)
        assert axes.images[0].get_extent() == [-0.5, 29.5, 17.5, -0.5]
    image = axes_titled(figure, "image\n")
    assert rings_in(image) == arguments["points"]
    assert {text.get_text(): text.xy for text in image.texts} == {
        "1": (4, 9),
        "2": (26, 3),
    }


def test_psnr():
    truth = original()
    arguments = given(original=truth)
    figure = resolution_chart(**arguments)
    colors = arguments["prediction"]["super_resolution"].clip(0, 1)
    text = f"18 x 30 pixels; PSNR {psnr(truth, colors):.2f} dB"
    assert axes_titled(figure, f"reconstruction\n{text}")
    bicubic = Image.fromarray(arguments["image"]).resize(SIDES[::-1], Image.BICUBIC)
    worth = psnr(truth, np.asarray(bicubic) / 255)
    text = f"9 x 15 pixels; enlarged bicubically: PSNR {worth:.2f} dB"
    assert axes_titled(figure, f"image\n{text}")


def test_perfect_reconstruction():
    arguments = given(original=original())
    arguments["prediction"]["super_resolution"] = original() / 255
    figure = resolution_chart(**arguments)
    assert axes_titled(figure, "reconstruction\n18 x 30 pixels; PSNR inf dB")


def test_without_the_original():
    figure = resolution_chart(**given())
    titles = [axes.get_title() for axes in figure.axes]
    assert "image\n9 x 15 pixels" in titles
    assert "reconstruction\n18 x 30 pixels" in titles
    assert not any("original" in title or "dB" in title for title in titles)


@pytest.mark.parametrize("own", [True, False])
def test_segmentations_and_their_legend(own):
    arguments = given()
    logits = arguments["prediction"]["segmentation"]
    palette, names = default_palette(4), [f"class {n}" for n in range(4)]
    if own:
        palette = np.array([[9, 0, 0], [0, 99, 0], [0, 0, 200], [50, 60, 70]], "uint8")
        names = arguments["class_names"] = ["road", "car", "sky", "pole"]
        arguments["palette"] = palette
    figure = resolution_chart(**arguments, points=[(0, 0)])
    fine = axes_titled(figure, "segmentation\n18 x 30 pixels")
    np.testing.assert_array_equal(values_in(fine), palette[logits.argmax(axis=-1)])
    means = [
        [logits[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].mean((0, 1)) for x in range(15)]
        for y in range(9)
    ]
    classes = np.argmax(means, axis=-1)
    assert (classes != logits.argmax(axis=-1)[::2, ::2]).any()
    coarse = axes_titled(figure, "segmentation of mean logits\n9 x 15 pixels")
    np.testing.assert_array_equal(values_in(coarse), palette[classes])
    (legend,) = [axes.get_legend() for axes in figure.axes if axes.get_legend()]
    assert [text.get_text() for text in legend.get_texts()] == names[:3]
    colors = [patch.get_facecolor()[:3] for patch in legend.get_patches()]
    np.testing.assert_allclose(colors, palette[:3] / 255)


def test_similarities_of_both_branches():
    arguments, similarities = flat_image(points=[(0, 0)])
    figure = resolution_chart(**arguments)
    assert (similarities[0] != similarities[1]).any()
    for branch, expected in zip(
        ("segmentation", "super-resolution"), similarities, strict=True
    ):
        axes = axes_titled(figure, title_of(arguments, branch))
        np.testing.assert_allclose(values_in(axes), expected, atol=1e-6)
        assert rings_in(axes) == [(0, 0)]
    difference = np.abs(similarities[0] - similarities[1]).mean()
    assert axes.get_title().endswith(f"\nmean absolute difference {difference:.3f}")


def test_both_branches_have_the_scale_of_the_wider_one():
    arguments, similarities = flat_image(points=[(0, 0)])
    seg = arguments["features"]["segmentation"]
    seg[similarities[0] == 0] = [1, 1]  # at 45 degrees
    figure = resolution_chart(**arguments)
    for branch in ("segmentation", "super-resolution"):
        axes = axes_titled(figure, title_of(arguments, branch))
        np.testing.assert_allclose(scale_of(axes), (0, 1), atol=1e-6)


def test_the_difference_of_all_pairs():
    arguments = given()
    figure = resolution_chart(**arguments)
    similarities = []
    for x in arguments["features"].values():
        x = x.reshape(20, -1)
        x = x / np.sqrt((x**2).sum(axis=1, keepdims=True))
        similarities.append(x @ x.T)
    difference = np.abs(similarities[0] - similarities[1]).mean()
    start = (
        "Similarities of all pairs of 4 x 5 cells: mean absolute difference of both "
        f"branches {difference:.3f}\n"
    )
    assert any(text.startswith(start) for text in texts(figure))


@pytest.mark.parametrize(
    ("point", "cell"), [((4, 11), (0, 1)), ((5, 12), (1, 2)), ((17, 29), (3, 4))]
)
def test_a_point_belongs_to_the_cell_that_it_lies_in(point, cell):
    arguments, _ = flat_image(points=[point])
    features = arguments["features"]
    features["segmentation"] = np.eye(20).reshape(*CELLS, 20)
    features["super_resolution"][:] = 1
    figure = resolution_chart(**arguments)
    expected = np.zeros(CELLS)
    expected[cell] = 1
    axes = axes_titled(figure, title_of(arguments, "segmentation"))
    np.testing.assert_array_equal(values_in(axes), expected)


def test_chosen_points():
    arguments = given()
    logits = arguments["prediction"]["segmentation"]
    logits[:] = 0
    logits[..., 2] = 1
    logits[:9, :18, 0] = 2  # cells of rows 0 and 1 and of columns 0 to 2
    logits[13:, 24:, 3] = 2  # the last cell
    logits[0, 29, 1] = 2  # no upper left pixel of a cell
    figure = resolution_chart(**arguments)
    # The first of the inmost cells, next to the middle of them.
    points = [(11, 15), (2, 9), (16, 27)]
    assert rings_in(axes_titled(figure, "image")) == points
    for number, label in enumerate((2, 0, 3), 1):
        assert axes_titled(figure, f"{number}: class {label}, super-resolution")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("height, width, number", [(2, 300, 1), (150, 3, 4)])
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
        class_names=["a $class$ with a _name"],
    )
    figure = resolution_chart(**arguments)
    assert_nothing_is_cut_off(figure)
    name = arguments["class_names"][0]
    assert axes_titled(figure, f"{number}: {name}, super-resolution")


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
        ({"palette": np.zeros((3, 3), int)}, r"palette of shape \(3, 3\).*4 classes"),
    ],
)
def test_rejects_bad_arguments(changes, message):
    with pytest.raises(ValueError, match=message):
        resolution_chart(**given(**changes))
