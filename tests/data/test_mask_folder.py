"""Masks of independent classes, from files to batches."""

import unicodedata

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_seg.data import (
    Augmentation,
    MaskFolder,
    NumpyAugmentation,
    PackedDataset,
    balanced_class_weights,
    class_pixels,
    class_shares,
    evaluation_pipeline,
    open_split,
    pack,
    training_pipeline,
)

NAMES, SIZE = ("road", "wet", "line"), (24, 30)
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (3, *SIZE, 3), "uint8")
LABELS = RNG.choice(np.array([0, 1, 255], "uint8"), (3, *SIZE, 3), p=[0.5, 0.4, 0.1])


def write(folder, name, array):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".tif":
        options = {"photometric": "minisblack", "planarconfig": "contig"}
        pytest.importorskip("tifffile").imwrite(path, array, **options)
    else:
        Image.fromarray(array).save(path)


@pytest.fixture
def folder(tmp_path):
    """Three images, and a folder of masks for each class."""
    for index, image in enumerate(IMAGES):
        write(tmp_path, f"images/bonn/{index}.png", image)
        for number, name in enumerate(NAMES):
            mask = LABELS[index, ..., number]
            write(tmp_path, f"masks/{name}/bonn/{index}.png", mask)
    return tmp_path


def dataset(folder, **options):
    return MaskFolder(folder / "images", folder / "masks", NAMES, **options)


def test_a_folder_for_each_class(folder):
    found = dataset(folder)
    assert found.independent_classes and found.num_labels == 2 and len(found) == 3
    for index, (image, label) in enumerate(found):
        assert image.dtype == label.dtype == np.uint8
        np.testing.assert_array_equal(image, IMAGES[index])
        np.testing.assert_array_equal(label, LABELS[index])


def test_the_class_in_the_name(tmp_path):
    """Images and masks share a folder, and one class's name ends like another's."""
    names = ("lane", "wet_lane")
    for index in range(2):
        write(tmp_path, f"{index}.png", IMAGES[index])
        for number, name in enumerate(names):
            write(tmp_path, f"{index}_{name}.png", LABELS[index, ..., number])
    found = MaskFolder(tmp_path, tmp_path, names, label_name="{stem}_{class}.png")
    assert len(found) == 2
    np.testing.assert_array_equal(found[1][1], LABELS[1, ..., :2])
    np.testing.assert_array_equal(found[1][0], IMAGES[1])


@pytest.mark.parametrize("suffix", [".npy", ".tif", ".png"])
def test_a_channel_for_each_class(tmp_path, suffix):
    for index in range(3):
        write(tmp_path, f"images/{index}.png", IMAGES[index])
        write(tmp_path, f"masks/{index}{suffix}", LABELS[index])
    found = dataset(tmp_path, label_name="{stem}")
    np.testing.assert_array_equal([label for _, label in found], LABELS)
    np.testing.assert_array_equal([image for image, _ in found], IMAGES)
    with pytest.raises(ValueError, match="a channel for each of the 2 classes.*: 3 ch"):
        MaskFolder(
            tmp_path / "images", tmp_path / "masks", NAMES[:2], label_name="{stem}"
        )


@pytest.mark.parametrize(
    ("convert", "options"),
    [
        (lambda mask: mask == 1, {}),  # 1 bit
        (lambda mask: 255 * mask, {"label_map": {0: 0, 255: 1}}),
        (lambda mask: np.repeat(255 * mask[..., None], 3, -1), {}),  # RGB
    ],
)
def test_kinds_of_masks(folder, convert, options):
    masks = (LABELS == 1).astype("uint8")
    for index, number in np.ndindex(3, 3):
        name = f"masks/{NAMES[number]}/bonn/{index}.png"
        write(folder, name, convert(masks[index, ..., number]))
    np.testing.assert_array_equal(
        [label for _, label in dataset(folder, **options)], masks
    )


def test_missing_masks_mean_what_is_said(folder):
    (folder / "masks" / "wet" / "bonn" / "1.png").unlink()
    with pytest.raises(ValueError, match=r"Masks are missing: .*1.png \(wet\)"):
        dataset(folder)
    for missing, value in (("absent", 0), ("ignored", 255)):
        label = dataset(folder, missing_masks=missing)[1][1]
        assert (label[..., 1] == value).all()
        np.testing.assert_array_equal(label[..., [0, 2]], LABELS[1][..., [0, 2]])


@pytest.mark.parametrize("label_name", ["{class}/{stem}", "{class}_{stem}"])
def test_a_class_without_masks(tmp_path, label_name):
    write(tmp_path, "images/a.png", IMAGES[0])
    for name in NAMES:
        (tmp_path / "masks" / name).mkdir(parents=True)
    options = {"label_name": label_name, "missing_masks": "absent"}
    with pytest.raises(ValueError, match="no masks of any of the classes"):
        dataset(tmp_path, **options)
    mask = label_name.format(**{"class": NAMES[1], "stem": "a"})
    write(tmp_path, f"masks/{mask}.png", np.ones(SIZE, "uint8"))
    label = dataset(tmp_path, **options)[0][1]
    np.testing.assert_array_equal(label.mean(axis=(0, 1)), [0, 1, 0])


@pytest.mark.parametrize("label_name", ["{class}/{stem}", "{stem}_{class}"])
def test_class_names_with_accents_in_both_spellings(tmp_path, label_name):
    composed, apart = (unicodedata.normalize(x, "café") for x in ("NFC", "NFD"))
    write(tmp_path, "images/a.png", IMAGES[0])
    mask = label_name.format(**{"class": apart, "stem": "a"})
    write(tmp_path, f"masks/{mask}.png", LABELS[0, ..., 0])
    images, masks = tmp_path / "images", tmp_path / "masks"
    found = MaskFolder(images, masks, [composed], label_name=label_name)
    np.testing.assert_array_equal(found[0][1], LABELS[0, ..., :1])


def test_what_is_wrong_with_files_is_told(folder):
    masks = folder / "masks"
    with pytest.raises(FileNotFoundError, match="Missing: sky. It holds line, road, w"):
        MaskFolder(folder / "images", masks, ["road", "sky"])
    with pytest.raises(ValueError, match="`missing_masks` must be one of error, abs"):
        dataset(folder, missing_masks="zero")
    write(folder, "masks/wet/bonn/0.png", np.full(SIZE, 7, "uint8"))
    with pytest.raises(ValueError, match="wet/bonn/0.png holds the values 7, which ar"):
        dataset(folder)[0]
    write(folder, "masks/wet/bonn/0.png", np.zeros((24, 31), "uint8"))
    with pytest.raises(ValueError, match="must have the same size"):
        dataset(folder)
    (masks / "wet" / "bonn" / "0.png").rename(masks / "wet" / "bonn" / "x.png")
    with pytest.raises(ValueError, match=r"1 mask has no image .*wet/bonn/x.png"):
        dataset(folder)


def test_classes_are_counted_by_themselves(folder):
    found = dataset(folder)
    shares = class_shares(found)
    present, ignored = (LABELS == 1).sum((0, 1, 2)), (LABELS == 255).sum((0, 1, 2))
    np.testing.assert_array_equal(shares.class_pixels, present)
    labeled = LABELS[..., 0].size - ignored
    np.testing.assert_allclose(shares.shares, present / labeled)
    assert shares.ignored_share == ignored.sum() / LABELS.size
    shares.check()
    np.testing.assert_array_equal(class_pixels(found), (LABELS == 1).sum((1, 2)))
    with pytest.raises(ValueError, match="cannot be balanced for independent classes"):
        balanced_class_weights(found)


def test_masks_of_0_and_255_are_noticed(folder):
    for index, number in np.ndindex(3, 3):
        mask = 255 * (LABELS[index, ..., number] == 1).astype("uint8")
        write(folder, f"masks/{NAMES[number]}/bonn/{index}.png", mask)
    with pytest.raises(ValueError, match="none is left .*--label-map 0:0,255:1"):
        class_shares(dataset(folder)).check()


def test_evaluation_batches(folder):
    batches = [*evaluation_pipeline(dataset(folder), 2).as_numpy_iterator()]
    np.testing.assert_array_equal(batches[0][1], LABELS[:2])
    np.testing.assert_array_equal(batches[1][1][0], LABELS[2])
    assert (batches[1][1][1] == 255).all()  # fills the batch


def test_each_mask_is_augmented_like_a_label(folder):
    """The masks of one class move as a label of that class alone does."""
    augment = Augmentation((16, 20), scale=(0.6, 1.6), rotation=20, vertical_flip=True)
    for seed in ((0, 1), (5, 2), (3, 3)):
        image, masks = augment(IMAGES[0], LABELS[0], seed)
        assert masks.shape == (16, 20, 3) and masks.dtype == tf.int32
        for number in range(3):
            same, mask = augment(IMAGES[0], LABELS[0, ..., number], seed)
            np.testing.assert_array_equal(masks[..., number], mask)
        np.testing.assert_array_equal(image, same)


def test_training_batches_around_a_rare_class(folder):
    found = dataset(folder)
    rare = np.zeros((3, *SIZE), "uint8")
    rare[:, 3, 4] = 1
    for index in range(3):
        write(folder, f"masks/line/bonn/{index}.png", rare[index])
    crop = Augmentation((4, 5), scale=(1, 1), rotation=0)
    batches = training_pipeline(found, 3, crop, class_balance=1.0)
    assert batches.element_spec[1].shape == (3, 4, 5, 3)
    with_rare = [
        (labels[..., 2] == 1).any(axis=(1, 2)).mean()
        for labels in (next(iter(batches))[1].numpy() for _ in range(10))
    ]
    assert np.mean(with_rare) > 0.2  # a third of the crops; 3 % without balance


def test_other_augmentations_keep_the_classes(folder):
    def mirror(image, label, rng):
        return image[:, ::-1], label[:, ::-1]

    batches = training_pipeline(dataset(folder), 3, NumpyAugmentation(mirror))
    images, labels = next(batches.as_numpy_iterator())
    order = [int(np.argmax((IMAGES == x[:, ::-1]).all((1, 2, 3)))) for x in images]
    np.testing.assert_array_equal(labels[:, :, ::-1], LABELS[order])
    wrong = NumpyAugmentation(lambda image, label, rng: (image, label[..., 0]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="height, width, 3"):
        next(iter(training_pipeline(dataset(folder), 3, wrong)))


def test_a_packed_folder_is_the_same(folder, tmp_path):
    pack(dataset(folder), tmp_path / "packed")
    packed = PackedDataset(tmp_path / "packed")
    assert packed.independent_classes
    np.testing.assert_array_equal([label for _, label in packed], LABELS)
    images, labels = next(iter(evaluation_pipeline(packed, 3)))
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(labels, LABELS)


def test_open_split_reads_masks(folder):
    for part in ("images", "masks"):
        (folder / "data" / part).mkdir(parents=True)
        (folder / part).rename(folder / "data" / part / "train")
    (folder / "data" / "classes.txt").write_text("\n".join(NAMES))
    options = {"folder": folder / "data", "independent_classes": True}
    found = open_split("folder", "train", **options)
    np.testing.assert_array_equal(found[2][1], LABELS[2])
    with pytest.raises(ValueError, match="`label_colors` is not for masks"):
        open_split("folder", "train", **options, label_colors=False)
    with pytest.raises(ValueError, match="`missing_masks` is for masks"):
        open_split("folder", "train", folder / "data", missing_masks="absent")


def test_float_images(folder):
    for index in range(3):
        (folder / "images" / "bonn" / f"{index}.png").unlink()
        np.save(folder / "images" / "bonn" / f"{index}.npy", IMAGES[index] / 255.0)
    image, _ = dataset(folder, value_range=1)[0]
    assert image.dtype == np.float32
    np.testing.assert_allclose(image, IMAGES[0], rtol=1e-5)
    batch, _ = next(iter(training_pipeline(dataset(folder, value_range=1), 3)))
    assert keras.ops.convert_to_numpy(batch).max() > 250


@pytest.mark.parametrize("label_name", ["{class}/{stem}", "{stem}"])
@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        ((5,), "uint8", "3 channels. Received: .*0.npy with 5"),
        ((3,), "float32", "0.npy is unknown. .*floats of 32 bits"),
    ],
)
def test_images_that_cannot_be_read_are_found_first(
    tmp_path, label_name, shape, dtype, message
):
    write(tmp_path, "images/0.npy", np.zeros((*SIZE, *shape), dtype))
    if label_name == "{stem}":
        write(tmp_path, "masks/0.npy", LABELS[0])
    else:
        for number, name in enumerate(NAMES):
            write(tmp_path, f"masks/{name}/0.png", LABELS[0, ..., number])
    with pytest.raises(ValueError, match=message):
        dataset(tmp_path, label_name=label_name)
