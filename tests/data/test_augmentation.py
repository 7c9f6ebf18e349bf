import numpy as np
import pytest
import tensorflow as tf

from keras_seg.data import Augmentation
from keras_seg.ops import row_positions

NO_COLOR = {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0}
PALETTE = np.array([[250, 20, 30], [20, 240, 40], [10, 50, 230], [128, 128, 128]])


def blocks(height=60, width=84, block=12, seed=0):
    """Labels in blocks, and an image that shows each label in its colour."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, 4, (-(-height // block), -(-width // block)))
    label = cells.repeat(block, axis=0).repeat(block, axis=1)[:height, :width]
    return PALETTE[label].astype("uint8"), label.astype("uint8")


def nearest_class(image):
    distances = ((image[..., None, :] - PALETTE) ** 2).sum(axis=-1)
    return distances.argmin(axis=-1)


@pytest.mark.parametrize("scale", [(0.6, 0.6), (1, 1), (0.7, 1.9), (2, 2), (0.6, 3)])
def test_label_stays_on_its_image(scale):
    image, label = blocks()
    augment = Augmentation((40, 48), scale, **NO_COLOR)
    for seed in range(6):
        moved, moved_label = (out.numpy() for out in augment(image, label, (0, seed)))
        valid = moved_label != 255
        assert valid.any()
        # Between two blocks, interpolation shows colours of its own.
        around = np.pad(moved_label, 2, constant_values=-1)
        around = np.lib.stride_tricks.sliding_window_view(around, (5, 5))
        inner = valid & (np.ptp(around, axis=(2, 3)) == 0)
        assert inner.mean() > 0.1
        np.testing.assert_array_equal(nearest_class(moved)[inner], moved_label[inner])
        assert np.mean(nearest_class(moved)[valid] == moved_label[valid]) > 0.85


def test_edges_of_image_and_label_meet():
    """A half-pixel of shift between the two would show at a vertical edge."""
    image = np.zeros((64, 64, 3), "uint8")
    image[:, 32:] = 255
    label = (image[..., 0] > 0).astype("uint8")
    for factor, size in ((0.5, 32), (0.25, 16), (2.0, 128), (3.0, 192)):
        augment = Augmentation((size, size), (factor, factor), flip=False, **NO_COLOR)
        moved, moved_label = augment(image, label, (0, 0))
        np.testing.assert_array_equal(moved[..., 0] > 127.5, moved_label == 1)


def test_scaling_is_that_of_tf_image_resize():
    image, label = blocks(61, 83)
    for factor in (0.5, 0.61, 1.7):
        size = (round(61 * factor), round(83 * factor))
        augment = Augmentation(size, (factor, factor), flip=False, **NO_COLOR)
        moved, moved_label = augment(image, label, (3, 4))
        expected = tf.image.resize(image, size, antialias=True)
        np.testing.assert_allclose(moved, expected, atol=0.1)
        expected = tf.image.resize(label[..., None], size, "nearest")[..., 0]
        np.testing.assert_array_equal(moved_label, expected)


def test_crop_without_scaling_is_exact():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (30, 41, 3), "uint8")
    label = (np.arange(30)[:, None] * 41 + np.arange(41)).astype("int32")
    augment = Augmentation((20, 25), (1, 1), flip=False, **NO_COLOR)
    corners = set()
    for seed in range(40):
        moved, moved_label = (out.numpy() for out in augment(image, label, (7, seed)))
        row, column = divmod(int(moved_label[0, 0]), 41)
        corners.add((row, column))
        window = np.s_[row : row + 20, column : column + 25]
        np.testing.assert_array_equal(moved_label, label[window])
        np.testing.assert_allclose(moved, image[window], atol=1e-3)
    rows, columns = zip(*corners, strict=True)
    assert min(rows) <= 1 and max(rows) >= 9 and max(rows) <= 10
    assert min(columns) <= 2 and max(columns) >= 14 and max(columns) <= 16


def test_padding_is_ignored_and_has_the_mean_color():
    image, label = blocks(20, 24)
    augment = Augmentation((33, 31), (1, 1), flip=False, **NO_COLOR, ignore_class=99)
    corners = set()
    for seed in range(20):
        moved, moved_label = (out.numpy() for out in augment(image, label, (0, seed)))
        padding = moved_label == 99
        assert np.sum(~padding) == 20 * 24
        rows, columns = np.nonzero(~padding)
        top, left = rows.min(), columns.min()
        corners.add((top, left))
        window = np.s_[top : top + 20, left : left + 24]
        np.testing.assert_array_equal(moved_label[window], label)
        np.testing.assert_allclose(moved[window], image, atol=1e-3)
        mean = image.mean(axis=(0, 1), dtype="float64")
        np.testing.assert_allclose(moved[padding] - mean, 0, atol=1e-2)
    assert len(corners) > 10  # not always in one place


def test_one_axis_is_padded_and_the_other_cropped():
    image, label = blocks(20, 60)
    moved, moved_label = Augmentation((30, 40), (1, 1), **NO_COLOR)(
        image, label, (0, 1)
    )
    assert moved.shape == (30, 40, 3)
    is_padding = np.all(moved_label == 255, axis=1)
    assert is_padding.sum() == 10
    assert not np.any(np.asarray(moved_label)[~is_padding] == 255)


def test_flips_half_of_the_time():
    image, label = blocks(30, 30)
    augment = tf.function(Augmentation((30, 30), (1, 1), **NO_COLOR))
    flipped = 0
    for seed in tf.range(100):
        moved, moved_label = augment(image, label, [5, seed])
        turned = not np.array_equal(moved_label, label)
        expected = (image[:, ::-1], label[:, ::-1]) if turned else (image, label)
        np.testing.assert_allclose(moved, expected[0], atol=1e-3)
        np.testing.assert_array_equal(moved_label, expected[1])
        flipped += turned
    assert 32 <= flipped <= 68
    still = Augmentation((30, 30), (1, 1), flip=False, **NO_COLOR)
    assert all(np.array_equal(still(image, label, (5, s))[1], label) for s in range(10))


def test_scales_are_log_uniform():
    augment = Augmentation((8, 8), (0.5, 2))
    draw = tf.function(lambda seed: augment._draw_geometry([1000, 1000], seed))
    factors = [draw(tf.constant([1, seed]))["scaled"][0] / 1000 for seed in range(300)]
    assert 0.5 <= min(factors) < 0.52 and 1.9 < max(factors) <= 2
    assert abs(np.mean(np.less(factors, 1)) - 0.5) < 0.1


def test_equal_seeds_give_equal_results_and_others_do_not():
    image, label = blocks()
    augment = Augmentation((40, 48))
    first, again, other = (
        augment(image, label, seed) for seed in [(1, 2), (1, 2), (1, 3)]
    )
    for mine, same, different in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(mine, same)
        assert np.mean(np.asarray(mine) != different) > 0.2


def test_one_traced_function_for_every_size():
    augment = Augmentation((32, 40))
    traces = []

    @tf.function(
        input_signature=(
            tf.TensorSpec((None, None, 3), tf.uint8),
            tf.TensorSpec((None, None), tf.uint8),
            tf.TensorSpec((2,), tf.int64),
        )
    )
    def traced(image, label, seed):
        traces.append(1)
        moved, moved_label = augment(image, label, seed)
        assert moved.shape == (32, 40, 3) and moved_label.shape == (32, 40)
        return moved, moved_label

    for size in ((20, 90), (61, 33), (32, 40), (1, 1)):
        image, label = blocks(*size)
        moved, moved_label = traced(image, label, (0, 9))
        assert moved.dtype == tf.float32 and moved_label.dtype == tf.int32
        eager, eager_label = augment(image, label, (0, 9))
        np.testing.assert_allclose(moved, eager, atol=1e-2)
        np.testing.assert_array_equal(moved_label, eager_label)
    assert len(traces) == 1


@pytest.mark.parametrize("name", NO_COLOR)
def test_each_jitter_changes_the_image_alone(name):
    image, label = blocks()
    amounts = {**NO_COLOR, name: 0.4}
    augment = Augmentation((60, 84), (1, 1), flip=False, **amounts)
    results = [augment(image, label, (0, seed)) for seed in range(5)]
    changes = [np.abs(moved - image).mean() for moved, _ in results]
    assert max(changes) > 3
    for moved, moved_label in results:
        assert np.min(moved) >= 0 and np.max(moved) <= 255
        np.testing.assert_array_equal(moved_label, label)


def test_brightness_is_in_shares_of_the_range():
    image, label = np.full((8, 8, 3), 128, "uint8"), np.zeros((8, 8), "uint8")
    augment = Augmentation((8, 8), (1, 1), **{**NO_COLOR, "brightness": 0.1})
    values = [float(augment(image, label, (0, seed))[0][0, 0, 0]) for seed in range(40)]
    assert 128 - 25.6 < min(values) < 110 and 146 < max(values) < 128 + 25.6


@pytest.mark.parametrize(
    "arguments, name",
    [
        ({"crop_size": 32}, "crop_size"),
        ({"crop_size": (32, 0)}, "crop_size"),
        ({"crop_size": (32.0, 32)}, "crop_size"),
        ({"scale": (2.0, 0.5)}, "scale"),
        ({"scale": (0, 1)}, "scale"),
        ({"scale": 2}, "scale"),
        ({"brightness": -0.1}, "brightness"),
        ({"contrast": 1.1}, "contrast"),
        ({"saturation": "much"}, "saturation"),
        ({"hue": 0.6}, "hue"),
        ({"ignore_class": None}, "ignore_class"),
    ],
)
def test_rejects_bad_arguments(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must.*Received: {name}="):
        Augmentation(**{"crop_size": (32, 32), **arguments})


@pytest.mark.parametrize("scale", [(1, 1), (0.4, 0.7), (1.3, 2.5)])
def test_positions_follow_the_rows_of_the_label(scale):
    """A label that holds the position of its row says where each row came from."""
    positions = row_positions(np.arange(97), 97)
    label = np.repeat(positions[:, None], 80, axis=1)
    image = np.zeros((97, 80, 3), "uint8")
    augment = Augmentation((60, 50), scale)
    seen = set()
    for seed in range(12):
        _, moved, rows = augment(image, label, (seed, 0), positions)
        moved, rows = moved.numpy(), rows.numpy()
        assert rows.shape == (60,) and rows.dtype == np.int32
        expected = np.where(moved == 255, -1, moved).max(axis=1)
        np.testing.assert_array_equal(rows, np.where(expected < 0, 128, expected))
        seen.add(int(rows[0]))
    assert len(seen) > 1 and (128 in seen) == (scale[0] < 0.6)


def test_positions_change_nothing_else():
    image, label = blocks()
    augment = Augmentation((40, 48))
    plain = augment(image, label, (1, 2))
    *placed, _ = augment(image, label, (1, 2), np.arange(60))
    for without, with_positions in zip(plain, placed, strict=True):
        np.testing.assert_array_equal(without, with_positions)
