import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from keras_seg.data import Augmentation
from keras_seg.data.augmentation import _DRAWS as DRAWS
from keras_seg.data.geometry import Geometry, move_image, move_label, move_rows
from keras_seg.data.recoloring import blur, color_matrix, recolor
from keras_seg.ops import row_positions

NO_COLOR = {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0}
PALETTE = np.array([[250, 20, 30], [20, 240, 40], [10, 50, 230], [128, 128, 128]])


def blocks(height=60, width=84, block=12, seed=0):
    """Labels in blocks, and an image that shows each label in its color."""
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
        # Between two blocks, interpolation shows colors of its own.
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
    draw = tf.function(lambda share: augment._draw_geometry([1000, 1000], share))
    shares = np.random.default_rng(0).uniform(size=(300, 11)).astype("float32")
    factors = [draw(dict(zip(DRAWS, row, strict=True))).scaled[0] for row in shares]
    factors = np.array(factors) / 1000
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
        ({"ignore_class": "255"}, "ignore_class"),
        ({"rotation": 200}, "rotation"),
        ({"blur": -1}, "blur"),
        ({"resize": 0}, "resize"),
        ({"resize": (32, 0)}, "resize"),
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


def turned(degrees, size, crop_size=None, flips=(False, False)):
    """The geometry of a crop of a whole image, turned about its center."""
    crop_size = crop_size or size
    offset = [(side - crop) // 2 for side, crop in zip(size, crop_size, strict=True)]
    return Geometry(
        *(tf.constant(pair) for pair in (size, size, offset)),
        tf.constant(flips),
        tf.constant(np.radians(degrees), tf.float32),
    )


@pytest.mark.parametrize("flips", [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("quarters", [1, 2, -1])
def test_quarter_turns(quarters, flips):
    image, label = blocks(30, 30, block=6)
    geometry = turned(90 * quarters, (30, 30), flips=flips)
    axes = [axis for axis, on in enumerate(flips) if on]
    moved = move_image(tf.constant(image), geometry, (30, 30))
    np.testing.assert_allclose(
        moved, np.flip(np.rot90(image, quarters), axes), atol=0.1
    )
    moved = move_label(tf.constant(label), geometry, (30, 30), 255)
    np.testing.assert_array_equal(moved, np.flip(np.rot90(label, quarters), axes))


def test_a_turned_image_leaves_ignored_corners():
    image, label = np.full((80, 80, 3), 9, "uint8"), np.zeros((80, 80), "uint8")
    geometry = turned(45, (80, 80))
    moved = move_label(tf.constant(label), geometry, (80, 80), 7).numpy()
    corners = moved[[0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_array_equal(corners, 7)
    # The octagon that a square and the same turned by 45 degrees have in common.
    assert abs(np.mean(moved == 0) - 2 * (np.sqrt(2) - 1)) < 0.01
    np.testing.assert_allclose(move_image(tf.constant(image), geometry, (80, 80)), 9)


def test_turned_crops_keep_label_and_image_together():
    image, label = blocks(120, 160, block=24)
    augment = tf.function(Augmentation((80, 90), (0.8, 1.5), rotation=40, **NO_COLOR))
    for seed in tf.range(5):
        moved, moved_label = (out.numpy() for out in augment(image, label, [3, seed]))
        around = np.pad(moved_label, 2, constant_values=-1)
        around = np.lib.stride_tricks.sliding_window_view(around, (5, 5))
        inner = (moved_label != 255) & (np.ptp(around, axis=(2, 3)) == 0)
        assert inner.mean() > 0.2
        agree = nearest_class(moved)[inner] == moved_label[inner]
        assert agree.mean() > 0.999


def test_turned_rows_have_the_position_of_their_middle():
    positions = row_positions(np.arange(60), 60)
    label = np.repeat(positions[:, None], 90, axis=1).astype("int32")
    for degrees in (-20, 15, 90):
        geometry = turned(degrees, (60, 90), (40, 50))
        moved = move_label(tf.constant(label), geometry, (40, 50), 255)
        rows = move_rows(positions, geometry, (40, 50))
        np.testing.assert_array_equal(rows, moved[:, 25])
    # Beyond the image all of a row is padding.
    rows = move_rows(positions, turned(0.001, (60, 90), (100, 50)), (100, 50)).numpy()
    assert (rows[:20] == 128).all() and (rows[20:80] < 128).all()


def test_flips_upside_down_half_of_the_time():
    image, label = blocks(30, 30)
    options = {"flip": False, "vertical_flip": True, **NO_COLOR}
    augment = tf.function(Augmentation((30, 30), (1, 1), **options))
    positions, flipped = np.arange(30), 0
    for seed in tf.range(60):
        moved, moved_label, rows = augment(image, label, [5, seed], positions)
        turn = -1 if not np.array_equal(moved_label, label) else 1
        np.testing.assert_allclose(moved, image[::turn], atol=1e-3)
        np.testing.assert_array_equal(moved_label, label[::turn])
        np.testing.assert_array_equal(rows, positions[::turn])
        flipped += turn == -1
    assert 15 <= flipped <= 45


def test_blur_is_gaussian():
    image = np.random.default_rng(0).uniform(0, 255, (24, 31, 3)).astype("float32")
    for deviation in (0.6, 2.0):
        expected = ndimage.gaussian_filter(
            image, (deviation, deviation, 0), mode="mirror", radius=(6, 6, 0)
        )
        np.testing.assert_allclose(
            blur(image_tensor(image), deviation, 2.0), expected, 0.01
        )
    np.testing.assert_allclose(blur(image_tensor(image), 0.0, 2.0), image, atol=1e-3)
    drawn = Augmentation((24, 31), (1, 1), flip=False, blur=2.0, **NO_COLOR)
    moved, _ = drawn(image, np.zeros((24, 31), "uint8"), (0, 1))
    assert 0.1 < moved.numpy().std() / image.std() < 0.95


def image_tensor(image):
    return tf.constant(image, tf.float32)


@pytest.mark.parametrize("resize", [(30, 42), 30])
def test_resize_comes_before_scale(resize):
    image, label = blocks(60, 84)
    options = {"flip": False, "resize": resize, **NO_COLOR}
    moved, moved_label = Augmentation((30, 42), (1, 1), **options)(image, label, (0, 0))
    np.testing.assert_array_equal(moved_label, label[1::2, 1::2])
    assert np.mean(nearest_class(moved.numpy()) == moved_label) > 0.8
    _, moved_label = Augmentation((60, 84), (2, 2), **options)(image, label, (0, 0))
    np.testing.assert_array_equal(moved_label, label)


@pytest.mark.parametrize(
    "channels, dtype", [(1, "uint8"), (5, "float32"), (4, "uint16")]
)
def test_other_channels_keep_their_values(channels, dtype):
    rng = np.random.default_rng(0)
    image = rng.uniform(0, 60000 if dtype != "uint8" else 255, (20, 30, channels))
    image = image.astype(dtype) - np.array(5 if dtype == "float32" else 0, dtype)
    label = np.zeros((20, 30), "uint8")
    moved, _ = Augmentation((20, 30), (1, 1), flip=False)(image, label, (0, 0))
    np.testing.assert_allclose(moved, image, rtol=1e-5)
    assert moved.dtype == tf.float32


def test_color_matrix():
    for saturation, hue in ((0.3, 0.1), (1.7, 0.5), (1.0, 0.0)):
        matrix = color_matrix(tf.constant(saturation), tf.constant(hue))
        np.testing.assert_allclose([[80, 80, 80]] @ matrix.numpy(), 80, rtol=1e-5)
    np.testing.assert_allclose(matrix, np.eye(3), atol=1e-6)
    # A third of the circle takes red to green, green to blue and blue to red.
    turn = color_matrix(tf.constant(1.0), tf.constant(1 / 3))
    np.testing.assert_allclose(turn, np.roll(np.eye(3), 1, axis=1), atol=1e-6)
    gray = color_matrix(tf.constant(0.0), tf.constant(0.0))
    np.testing.assert_allclose(gray, [[0.299] * 3, [0.587] * 3, [0.114] * 3], atol=1e-6)


def test_recolor_is_all_changes_in_one():
    image = np.random.default_rng(0).uniform(60, 190, (7, 9, 3)).astype("float32")
    matrix = color_matrix(tf.constant(1.2), tf.constant(0.03)).numpy()
    changed = tf.image.adjust_contrast(image, 1.1).numpy() + 12
    expected = np.clip(changed @ matrix, 0, 255)
    moved = recolor(image_tensor(image), matrix, 1.1, 12.0)
    np.testing.assert_allclose(moved, expected, rtol=1e-4)
