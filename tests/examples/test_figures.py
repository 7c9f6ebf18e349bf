"""The figures of train_pose.py, their heat maps and their score."""

import importlib.util
import math

import numpy as np
import pytest

from tests.paths import ROOT


@pytest.fixture(scope="module")
def figures():
    path = ROOT / "examples" / "figures.py"
    spec = importlib.util.spec_from_file_location("figures", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_figure_is_of_its_size_and_keypoints(figures):
    image, keypoints, visible = figures.Figures(3, size=(88, 72))[2]
    assert image.shape == (88, 72, 3) and image.dtype == np.uint8
    assert keypoints.shape == (14, 2) and visible.shape == (14,)
    assert visible.dtype == bool
    assert image.std() > 15


def test_a_figure_depends_on_seed_and_index_alone(figures):
    first, again = figures.Figures(3)[1], figures.Figures(9)[1]
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    others = figures.Figures(3)[2], figures.Figures(3, seed=1)[1]
    assert all(np.any(first[0] != image) for image, *_ in others)
    assert all(np.any(first[1] != keypoints) for _, keypoints, _ in others)


def test_every_figure_is_reached_once(figures):
    assert len(list(figures.Figures(3))) == len(figures.Figures(3)) == 3
    with pytest.raises(IndexError, match="outside 0..2"):
        figures.Figures(3)[-1]


def test_keypoints_out_of_the_image_are_not_visible(figures):
    some = [figures.Figures(60, (64, 40))[i][1:] for i in range(60)]
    keypoints, visible = (np.stack(arrays) for arrays in zip(*some, strict=True))
    y, x = keypoints[..., 0], keypoints[..., 1]
    inside = (y >= 0) & (y < 64) & (x >= 0) & (x < 40)
    np.testing.assert_array_equal(visible, inside)
    assert 0.5 < visible.mean() < 1


def test_the_left_of_a_figure_is_on_the_right_of_its_body(figures):
    name = {name: index for index, name in enumerate(figures.KEYPOINTS)}
    for _, points, _ in figures.Figures(20):
        down = (points[name["left hip"]] + points[name["right hip"]]) / 2
        down = down - points[name["neck"]]
        for joint in ("shoulder", "hip"):
            across = points[name[f"left {joint}"]] - points[name[f"right {joint}"]]
            # The body's axis, turned to the right as one sees it.
            assert across @ (-down[1], down[0]) > 0


def test_hands_are_painted_where_the_wrists_are(figures, monkeypatch):
    skin = (9, 250, 90)
    monkeypatch.setattr(figures, "_SKIN", (skin, skin))
    monkeypatch.setattr(figures, "_any_color", lambda rng: (30, 30, 30))
    monkeypatch.setattr(figures, "_photograph", lambda rng, image: image.reduce(4))
    for image, keypoints, visible in figures.Figures(10, (256, 192)):
        image = np.asarray(image)
        # The wrist that was painted first may be behind the other arm.
        hands = [
            np.abs(image[y, x].astype(int) - skin).max() < 5
            for y, x in keypoints[[4, 7]][visible[[4, 7]]].astype(int)
        ]
        assert any(hands) or not hands


def test_bones_are_a_tree_of_all_keypoints(figures):
    assert len(figures.BONES) == len(figures.KEYPOINTS) - 1
    reached = {0}
    for _ in figures.BONES:
        reached |= {b for a, b in figures.BONES if a in reached}
    assert reached == set(range(14))
    for _, b in figures.BONES[1:]:
        (a,) = [a for a, end in figures.BONES if end == b]
        sides = {figures.KEYPOINTS[end].split()[0] for end in (a, b)} - {"neck"}
        assert len(sides) == 1


@pytest.mark.parametrize(("stride", "sigma"), [(4, 1.0), (8, 1.5)])
def test_heat_maps_match_the_formula(figures, stride, sigma):
    keypoints = np.array([[12.3, 7.1], [30.0, 2.0], [-4.0, 50.0], [5.0, 9.0]])
    visible = np.array([True, True, True, False])
    maps = figures.heat_maps(keypoints, visible, (32, 24), stride, sigma)
    assert maps.shape == (32 // stride, 24 // stride, 4)
    assert maps.dtype == np.float32
    for row, column, point in np.ndindex(maps.shape):
        y, x = (row + 0.5) * stride, (column + 0.5) * stride
        pixels = math.dist((y, x), keypoints[point])
        expected = math.exp(-(pixels**2) / (2 * (sigma * stride) ** 2))
        assert maps[row, column, point] == pytest.approx(
            expected * visible[point], abs=1e-6
        )


def test_decoding_known_maxima(figures):
    maps = np.zeros((2, 5, 6, 2))
    maps[0, 2, 3, 0] = 3
    maps[0, 1, 3, 0] = 1  # above: up by a quarter
    maps[0, 2, 4, 0] = 2  # on the right
    maps[0, 0, 5, 1] = 1  # in the corner: not moved
    maps[0, 1, 5, 1] = 0.5
    maps[1, 4, 2, 0] = 1  # at the border, between equals
    maps[1, 3, 0, 1] = 1
    maps[1, 2, 0, 1] = -1  # down, and not out of the image
    expected = [[(9, 15), (2, 22)], [(18, 10), (15, 2)]]
    np.testing.assert_allclose(figures.decode(maps, 4), expected)


@pytest.mark.parametrize("stride", [4, 8])
def test_decoding_finds_keypoints_within_a_fraction_of_a_cell(figures, stride):
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(stride, 64 - stride, (50, 2))
    maps = figures.heat_maps(keypoints, np.full(50, True), (64, 64), stride, 1.0)
    found = figures.decode(maps[None], stride)[0]
    # Half a cell beyond the center, less the shift of a quarter: no more than that.
    assert np.abs(found - keypoints).max() <= stride / 4 + 1e-4


def test_pck_of_known_distances(figures):
    keypoints = np.zeros((2, 14, 2))
    keypoints[0, 8], keypoints[0, 11] = (20, -5), (20, 5)  # hips: a torso of 20
    keypoints[1, 8] = keypoints[1, 11] = (0, 40)
    predicted = keypoints.copy()
    predicted[0, 3] += (2, 0)  # 0.1 of the torso
    predicted[0, 4] += (3, 4)  # 0.25
    predicted[1, 3] += (0, 9)  # 0.225
    predicted[1, 4] += (99, 0)  # not visible
    visible = np.full((2, 14), True)
    visible[1, 4] = False
    scores = [figures.pck(predicted, keypoints, visible, f) for f in (0.09, 0.11, 0.3)]
    assert scores == pytest.approx([24 / 27, 25 / 27, 1])
    assert figures.pck(predicted, keypoints, visible, 0.23) == pytest.approx(26 / 27)
