import numpy as np
import pytest

from keras_seg import ops
from keras_seg.ops.positions import jitter_positions


def test_positions_of_1024_rows_match_the_release():
    rows = np.arange(1024)
    np.testing.assert_array_equal(ops.row_positions(rows, 1024), rows // 8)


@pytest.mark.parametrize("height", [16, 17, 33, 129, 360, 721, 1080, 2048])
def test_a_whole_image_of_any_height_has_all_coarse_rows_in_order(height):
    positions = ops.row_positions(np.arange(height), height)
    assert positions.min() >= 0 and positions.max() < 128
    coarse = ops.coarse_positions(positions[None], 16)
    np.testing.assert_array_equal(coarse, [range(16)])


def test_the_lower_half_of_an_image_has_the_lower_coarse_rows_twice():
    positions = ops.row_positions(np.arange(180, 360)[None], 360)
    expected = np.repeat(np.arange(8, 16), 2)[None]
    np.testing.assert_array_equal(ops.coarse_positions(positions, 16), expected)


def test_coarse_positions_match_the_release():
    """Nearest neighbor, then // 8; padding, 128, becomes the 17th row."""
    rng = np.random.default_rng(0)
    for height in (16, 33, 100, 129):
        positions = rng.integers(0, 129, (2, height))
        picked = positions[:, [int(np.floor(i * height / 16)) for i in range(16)]]
        result = ops.coarse_positions(positions, 16)
        np.testing.assert_array_equal(result, picked // 8)
    padding = ops.coarse_positions(np.full((1, 9), 128), 16)
    np.testing.assert_array_equal(padding, [[16] * 16])


def test_noise_is_rounded_clipped_and_keeps_padding():
    positions = [0, 5, 5, 5, 5, 15, 1, 16, 16]
    noise = [1.6, -9.0, 0.4, -0.4, 0.6, 0.8, -2.0, 3.0, -3.0]
    moved = jitter_positions(positions, noise, 16)
    np.testing.assert_array_equal(moved, [2, 3, 5, 5, 6, 15, 0, 16, 16])


def test_noise_is_unbiased():
    noise = np.random.default_rng(0).normal(0, 0.5, 100_000)
    moved = np.array(jitter_positions(np.full(100_000, 8), noise, 16)) - 8
    assert abs(moved.mean()) < 0.01  # rounding down, as released, gives -0.5
    assert set(np.unique(moved)) <= {-2, -1, 0, 1, 2}


@pytest.mark.parametrize(("channels", "base"), [(5, 100), (16, 100), (64, 10)])
def test_the_table_matches_the_equation(channels, base):
    table = ops.sinusoidal_table(17, channels, base, offset=1)
    for p, c in np.ndindex(table.shape):
        angle = p / base ** (2 * (c // 2) / channels)
        expected = (np.sin(angle), np.cos(angle))[c % 2] + 1
        assert abs(table[p, c] - expected) < 1e-6
