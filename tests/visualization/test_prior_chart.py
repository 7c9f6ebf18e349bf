import itertools

import numpy as np
import pytest

from keras_seg.ops import sample_labels
from keras_seg.visualization import prior_chart
from keras_seg.visualization.affinity import cell_classes, pair_scores
from keras_seg.visualization.heat_maps import PALE
from tests.visualization.figures import (
    assert_nothing_is_cut_off,
    axes_titled,
    rings_in,
    scale_of,
    texts,
    values_in,
)

ROWS, COLUMNS = SIZE = (3, 4)
GREEN = np.full((25, 33, 3), [60, 140, 80], "uint8")


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


def scores_of(prior, classes):
    """Mean priors of the same and of different classes, and the AUC, by loops."""
    same, different = [], []
    for i, j in itertools.permutations(range(len(classes)), 2):
        if 255 not in (classes[i], classes[j]):
            (same if classes[i] == classes[j] else different).append(prior[i, j])
    wins = [(a > b) + (a == b) / 2 for a in same for b in different]
    return [sum(values) / len(values) for values in (same, different, wins)]


def titles(figure):
    return [axes.get_title() for axes in figure.axes]


def test_both_maps_are_sorted_by_class():
    prior, labels = random_prior(), random_labels()
    figure = prior_chart(prior, SIZE, GREEN, labels)
    classes = sampled(labels)
    order = sorted(range(12), key=classes.__getitem__)  # 255 comes last
    assert 255 in classes and order != list(range(12))
    learned = axes_titled(figure, "learned prior\n12 x 12 cells, sorted by class")
    np.testing.assert_array_equal(values_in(learned), prior[order][:, order])
    assert scale_of(learned) == (0, 1)
    ideal = axes_titled(figure, "ideal affinity map\nof the labels, sorted alike, ign")
    found, sorted_classes = values_in(ideal), np.array(classes)[order]
    ignored = (sorted_classes[:, None] == 255) | (sorted_classes == 255)
    np.testing.assert_array_equal(found.mask, ignored)
    same = sorted_classes[:, None] == sorted_classes
    np.testing.assert_array_equal(found.filled(0), same & ~ignored)
    assert ideal.get_facecolor()[:3] == PALE
    assert "same class" in texts(figure) and "different" in texts(figure)


def test_without_labels_the_prior_is_as_it_is():
    prior = random_prior()
    for given in (prior, prior.astype("float16")):
        figure = prior_chart(given, SIZE, GREEN)
        learned = axes_titled(figure, "learned prior\n12 x 12 cells, row by row")
        np.testing.assert_array_equal(values_in(learned), prior)
    assert not any(title.startswith("ideal") for title in titles(figure))
    assert f"prior 0.000 to 1.000, mean {prior.mean():.3f}" in texts(figure)


def test_maps_of_many_cells_are_averaged():
    cells, shown = 24 * 60, 720
    prior = np.random.default_rng(0).uniform(size=(cells, cells)).astype("float32")
    labels = (np.arange(cells) > 720).astype(int).reshape(24, 60)
    figure = prior_chart(prior, (24, 60), np.zeros((24, 60, 3)), labels)
    expected = prior.reshape(shown, 2, shown, 2).mean(axis=(1, 3))
    learned = values_in(axes_titled(figure, "learned"))
    np.testing.assert_allclose(learned, expected, rtol=1e-5)
    # The element in the middle holds a cell of each class.
    ideal = np.zeros((shown, shown))
    ideal[:360, :360] = ideal[361:, 361:] = 1
    ideal[360] = ideal[:, 360] = 0.5
    np.testing.assert_allclose(values_in(axes_titled(figure, "ideal")), ideal)


@pytest.mark.parametrize(
    "point, cell", [((8, 24), 2), ((9, 25), 7), ((24, 32), 11), ((0, 0), 0)]
)
def test_a_point_shows_the_row_of_its_cell(point, cell):
    prior = np.eye(12)
    figure = prior_chart(prior, SIZE, GREEN, points=[point])
    axes = axes_titled(figure, f"1: pixel {point}")
    np.testing.assert_array_equal(values_in(axes), prior[cell].reshape(SIZE))
    assert axes.images[0].get_extent() == [-0.5, 32.5, 24.5, -0.5]  # of the image
    assert rings_in(axes) == [point]


def test_points_are_marked_and_numbered():
    points = [(12, 3), (2, 28)]
    figure = prior_chart(np.zeros((12, 12)), SIZE, GREEN, points=points)
    axes = axes_titled(figure, "image\n25 x 33 pixels")
    np.testing.assert_array_equal(values_in(axes), GREEN)
    assert rings_in(axes) == points
    numbers = {text.get_text(): text.xy for text in axes.texts}
    assert numbers == {"1": (3, 12), "2": (28, 2)}


def test_rows_have_scales_of_their_own():
    prior = np.full((12, 12), 0.3)
    prior[3, :4], prior[3, 8:] = 0.2, 0.4
    prior[11] = 1
    points = [(0, 32), (12, 32), (24, 32)]
    figure = prior_chart(prior, SIZE, GREEN, points=points)
    scales = [scale_of(axes_titled(figure, f"{number}:")) for number in (1, 2, 3)]
    np.testing.assert_allclose(scales, [(0.2, 0.4), (0.3, 0.31), (0.99, 1)])
    for text in ("0.200", "0.400", "0.300", "0.310", "0.990", "1.000"):
        assert text in texts(figure)


def test_details_of_the_image_are_in_the_rows():
    image = np.full((250, 330, 3), 40, "uint8")
    image[:, 160:] = 200
    figure = prior_chart(np.full((12, 12), 0.5), SIZE, image, points=[(2, 4)])
    _, details = axes_titled(figure, "1:").images
    pixels = details.get_array()
    # Neither dark nor bright areas are to be seen, but edges are.
    assert (pixels[:, :100, 3] == 0).all() and (pixels[:, 230:, 3] == 0).all()
    assert (pixels[:, 159, 3] > 0.1).all() and (pixels[:, 159, :3] == 0).all()
    assert (pixels[:, 160, 3] > 0.1).all() and (pixels[:, 160, :3] == 1).all()


def test_numbers_of_the_pairs():
    prior = np.random.default_rng(0).integers(0, 101, (12, 12)) / 100
    labels = random_labels()
    same, different, auc = scores_of(prior, sampled(labels))
    figure = prior_chart(prior, SIZE, GREEN, labels, points=[(0, 0), (12, 0)])
    text = (
        f"prior {prior.min():.3f} to {prior.max():.3f}, mean {prior.mean():.3f}; "
        f"of pairs of the same class {same:.3f}; "
        f"of pairs of different classes {different:.3f}; AUC {auc:.3f}"
    )
    assert text in texts(figure)
    classes = np.array(sampled(labels))
    mine, rest = prior[0, 1:][classes[1:] == classes[0]], classes != classes[0]
    other = prior[0, rest & (classes != 255)]
    text = f"same class {mine.mean():.3f}, different {other.mean():.3f}"
    assert f"1: class {classes[0]}\n{text}" in titles(figure)
    assert "2: ignored" in titles(figure)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "value, kind", [(2, "; of pairs of the same class 0.250"), (255, "")]
)
def test_one_class_and_none(value, kind):
    prior = np.full((12, 12), 0.25)
    figure = prior_chart(prior, SIZE, GREEN, np.full((25, 33), value))
    assert f"prior 0.250 to 0.250, mean 0.250{kind}" in texts(figure)
    ideal = axes_titled(figure, "ideal")
    assert (values_in(ideal).filled(-1) == (1 if kind else -1)).all()
    assert ("ignored" in ideal.get_title()) == (value == 255)


def test_chosen_points():
    labels = np.full((12, 16), 255)
    labels[2:7, 3:8] = 7
    labels[8:11, 8:13] = 2
    labels[8:11, 2:5] = 5
    labels[0, 15], labels[0, 13] = 3, 4  # the first of equals
    labels = labels.repeat(2, axis=0).repeat(3, axis=1)
    image = np.random.default_rng(0).uniform(0, 255, (24, 48, 3))
    prior = random_prior(192)
    figure = prior_chart(prior, (12, 16), image, labels)
    points = [(9, 16), (19, 31), (19, 10), (1, 46)]
    assert rings_in(axes_titled(figure, "image")) == points
    for title in ("1: class 7", "2: class 2", "3: class 5", "4: class 3"):
        assert axes_titled(figure, title)
    points = [(6, 12), (6, 36), (18, 12), (18, 36)]
    for label in (None, np.full((24, 48), 255)):
        figure = prior_chart(prior, (12, 16), image, label)
        assert rings_in(axes_titled(figure, "image")) == points


def test_squares_have_the_names_of_the_classes():
    labels = np.zeros((25, 33), int)
    labels[8:] = 2
    labels[16:, 24:] = 11  # the last cell
    names = ["tree", "sign", "road"]
    options = {"ignore_class": 11, "class_names": names}
    figure = prior_chart(random_prior(), SIZE, GREEN, labels, [(0, 0)], **options)
    axes = axes_titled(figure, "learned")
    found = [text.get_text() for text in axes.get_yticklabels()]
    assert dict(zip(found, axes.get_yticks(), strict=True)) == {
        "tree": 2,
        "road": 7.5,
        "ignored": 11.5,
    }
    assert axes_titled(figure, "1: tree")
    # Squares without room for a line have none.
    labels = np.arange(48 * 48).reshape(48, 48) // 1152
    labels[-1, -1] = 2
    figure = prior_chart(random_prior(2304), (48, 48), np.zeros((48, 48, 3)), labels)
    found = axes_titled(figure, "learned").get_yticklabels()
    assert [text.get_text() for text in found] == ["class 0", "class 1"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "shape, number, with_labels", [((500, 20), 1, False), ((20, 500), 6, True)]
)
def test_nothing_is_cut_off(shape, number, with_labels):
    image, labels = np.zeros((*shape, 3)), np.zeros(shape, int) if with_labels else None
    points = [(0, 0), *[(shape[0] - 1, shape[1] - 1)] * (number - 1)]
    name = "a $class$ with a long_name"
    figure = prior_chart(
        random_prior(6), (2, 3), image, labels, points, class_names=[name]
    )
    assert_nothing_is_cut_off(figure)
    title = f"{number}: {name if with_labels else f'pixel {points[-1]}'}"
    assert axes_titled(figure, title)


def test_images_of_floats():
    image = np.random.default_rng(0).integers(0, 256, (25, 33, 3), "uint8")
    figure = prior_chart(random_prior(), SIZE, image + 0.3)
    np.testing.assert_array_equal(values_in(axes_titled(figure, "image")), image)


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
        ({"points": [(0.5, 1)]}, r"`points`.*integers.*points=\[\(0.5, 1\)\]"),
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
