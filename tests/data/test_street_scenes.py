import numpy as np
import pytest

from keras_seg.data import StreetScenes

NUM_CLASSES = 9


@pytest.fixture(scope="module")
def scenes():
    images, labels = zip(*StreetScenes(40), strict=True)
    return np.stack(images), np.stack(labels)


@pytest.fixture(scope="module")
def other_scenes():
    images, labels = zip(*StreetScenes(30, seed=1), strict=True)
    return np.stack(images), np.stack(labels)


def shares(labels):
    counts = np.bincount(labels.ravel(), minlength=256) / labels.size
    return counts[:NUM_CLASSES], counts[255]


def mean_iou(predicted, labels):
    valid = labels != 255
    pairs = labels[valid].astype(int) * NUM_CLASSES + predicted[valid]
    confusion = np.bincount(pairs, minlength=NUM_CLASSES**2)
    confusion = confusion.reshape(NUM_CLASSES, NUM_CLASSES)
    hits = np.diag(confusion)
    return np.mean(hits / (confusion.sum(0) + confusion.sum(1) - hits))


def test_samples():
    dataset = StreetScenes(2)
    assert len(dataset) == 2 and dataset.num_classes == NUM_CLASSES
    image, label = dataset[1]
    assert image.shape == (96, 128, 3) and image.dtype == np.uint8
    assert label.shape == (96, 128) and label.dtype == np.uint8


def test_scene_depends_on_seed_and_index_alone():
    forwards = list(StreetScenes(3, seed=5))
    again = StreetScenes(50, seed=5)
    for index in (2, 0, 1, 2):
        for mine, other in zip(forwards[index], again[index], strict=True):
            np.testing.assert_array_equal(mine, other)


def test_scenes_differ(scenes, other_scenes):
    everything = np.concatenate([scenes[1], other_scenes[1]])
    assert len({label.tobytes() for label in everything}) == 70


def test_every_class_has_a_sensible_share(scenes):
    names = StreetScenes(1).class_names
    share = dict(zip(names, shares(scenes[1])[0], strict=True))
    assert 0.05 < share["sky"] < 0.3
    assert 0.15 < share["building"] < 0.45
    assert 0.2 < share["road"] < 0.45
    assert 0.03 < share["pavement"] < 0.2
    assert 0.04 < share["tree"] < 0.25
    assert 0.003 < share["pole"] < 0.03
    assert 0.001 < share["sign"] < 0.03
    assert 0.01 < share["car"] < 0.15
    assert 0.003 < share["pedestrian"] < 0.04


def test_most_scenes_have_most_classes(scenes):
    present = [len(np.setdiff1d(label, 255)) for label in scenes[1]]
    assert min(present) >= 5 and np.mean(present) > 8


def test_little_is_void(scenes):
    assert 0.002 < shares(scenes[1])[1] < 0.04
    assert max((label == 255).mean() for label in scenes[1]) < 0.12


def test_classes_keep_their_heights(scenes):
    rows = np.broadcast_to(np.arange(96)[:, None], scenes[1].shape)
    height = {
        name: rows[scenes[1] == index].mean()
        for index, name in enumerate(StreetScenes(1).class_names)
    }
    assert height["sky"] < height["building"] < height["sign"] < height["car"]
    assert height["building"] < height["pole"] < height["pedestrian"]
    assert height["tree"] < height["car"] < height["pavement"] < height["road"]


def test_road_and_sky_lie_in_their_parts_of_each_scene(scenes):
    assert not (scenes[1][:, :30] == 2).any()
    assert not (scenes[1][:, 60:] == 0).any()


@pytest.mark.parametrize("use_prior", [False, True])
def test_color_does_not_give_the_class_away(scenes, other_scenes, use_prior):
    """A naive Bayes classifier on 16^3 colors, fitted on other scenes."""

    def bins(images):
        red, green, blue = np.moveaxis(images.astype(int) // 16, -1, 0)
        return (red * 16 + green) * 16 + blue

    images, labels = scenes
    valid = labels != 255
    counts = np.ones((NUM_CLASSES, 16**3))
    np.add.at(counts, (labels[valid], bins(images)[valid]), 1)
    if not use_prior:
        counts /= counts.sum(axis=1, keepdims=True)
    predicted = counts.argmax(axis=0)[bins(other_scenes[0])]
    assert mean_iou(predicted, other_scenes[1]) < 0.35


def test_mean_colors_do_not_give_the_class_away(scenes, other_scenes):
    images, labels = scenes
    means = np.stack([images[labels == index].mean(axis=0) for index in range(9)])
    distances = ((other_scenes[0][..., None, :] - means) ** 2).sum(axis=-1)
    assert mean_iou(distances.argmin(axis=-1), other_scenes[1]) < 0.25


@pytest.mark.parametrize("size", [(64, 64), (65, 201), (256, 160), (512, 1024)])
def test_sizes(size):
    image, label = StreetScenes(1, size=size)[0]
    assert image.shape == (*size, 3) and label.shape == size
    assert set(np.unique(label)) <= {*range(NUM_CLASSES), 255}
    assert len(np.unique(label)) >= 5


def test_size_changes_the_resolution_not_the_street():
    small, large = StreetScenes(5), StreetScenes(5, size=(384, 512))
    agreement = [
        np.mean(small[index][1] == large[index][1][2::4, 2::4]) for index in range(5)
    ]
    assert min(agreement) > 0.9


def test_thin_things_stay_thin(scenes):
    """Lamp posts at 96x128 are a few pixels wide, and they stand upright."""
    is_pole = scenes[1] == 5
    tall = is_pole.sum(axis=1) > 12  # columns that a post fills
    assert tall.any()
    runs = np.diff(np.pad(tall, ((0, 0), (1, 1))).astype(int), axis=1)
    widths = np.nonzero(runs == -1)[1] - np.nonzero(runs == 1)[1]
    assert np.median(widths) <= 3 and widths.max() <= 8


@pytest.mark.parametrize(
    "arguments, name",
    [
        ({"num_images": 0}, "num_images"),
        ({"num_images": 1.5}, "num_images"),
        ({"size": (96,)}, "size"),
        ({"size": 96}, "size"),
        ({"size": (63, 128)}, "size"),
        ({"size": (96.0, 128.0)}, "size"),
        ({"seed": -1}, "seed"),
    ],
)
def test_rejects_bad_arguments(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must.*Received: {name}="):
        StreetScenes(**{"num_images": 3, **arguments})


@pytest.mark.parametrize("index", [3, -1])
def test_rejects_indices_outside(index):
    with pytest.raises(IndexError, match=rf"Index {index} is outside 0\.\.2"):
        StreetScenes(3)[index]
