import numpy as np
import pytest
import tensorflow as tf

from keras_seg.data import low_resolution
from keras_seg.ops import row_positions


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_pixels_are_the_means_of_blocks(scale):
    images = np.random.default_rng(0).uniform(0, 255, (2, 10, 13, 3)).astype("float32")
    rows, columns = 10 // scale, 13 // scale
    expected = np.zeros((2, rows, columns, 3))
    for row in range(rows):
        for column in range(columns):
            block = images[
                :,
                scale * row : scale * (row + 1),
                scale * column : scale * (column + 1),
            ]
            expected[:, row, column] = block.mean(axis=(1, 2), dtype="float64")
    np.testing.assert_allclose(low_resolution(images, scale), expected, rtol=1e-6)


@pytest.mark.parametrize(("height", "scale"), [(96, 2), (97, 2), (96, 3), (98, 3)])
def test_positions_are_those_of_the_blocks(height, scale):
    images = np.zeros((1, height, 8, 3), "float32")
    rows = row_positions(np.arange(height)[None], height)
    low, positions = low_resolution((images, rows), scale)
    assert low.shape[1] == positions.shape[1] == height // scale
    positions = np.array(positions)
    blocks = np.array(rows)[0, : height // scale * scale].reshape(-1, scale)
    assert (blocks.min(axis=1) <= positions[0]).all()
    assert (positions[0] <= blocks.max(axis=1)).all()
    assert abs(np.mean(positions) - blocks.mean()) < 1


def test_sizes_may_be_known_at_run_time_only():
    signature = [tf.TensorSpec((4, None, None, 3)), tf.TensorSpec((4, None), tf.int32)]
    function = tf.function(
        lambda x, y: low_resolution((x, y), 2), input_signature=signature
    )
    low, rows = function(np.zeros((4, 7, 9, 3), "float32"), np.zeros((4, 7), "int32"))
    assert low.shape == (4, 3, 4, 3) and rows.shape == (4, 3)


@pytest.mark.parametrize("scale", [0, 1.5])
def test_rejects_bad_scales(scale):
    with pytest.raises(ValueError, match="`scale` must be a positive integer"):
        low_resolution(np.zeros((1, 4, 4, 3), "float32"), scale)
