import shutil

import numpy as np
import pytest
from PIL import Image

from keras_seg.data import Cityscapes
from tests.data.published import copies, write_image, write_label

FRAMES = ("aachen_000000_000019", "aachen_000001_000019", "zurich_000000_000019")
IDS = np.arange(34).reshape(2, 17)  # all ids of the label files


@pytest.fixture
def folder(tmp_path):
    for frame in FRAMES:
        city = frame.split("_")[0]
        write_image(
            tmp_path / "leftImg8bit" / "train" / city / f"{frame}_leftImg8bit.png",
            IDS.shape,
        )
        for kind in ("gtFine", "gtCoarse"):
            start = tmp_path / kind / "train" / city / f"{frame}_{kind}"
            write_label(start.with_name(f"{start.name}_labelIds.png"), IDS)
            write_label(start.with_name(f"{start.name}_instanceIds.png"), IDS)
            write_image(start.with_name(f"{start.name}_color.png"), IDS.shape)
            start.with_name(f"{start.name}_polygons.json").write_text("{}")
    return tmp_path


@pytest.fixture
def table():
    return pytest.importorskip("cityscapesscripts.helpers.labels")


def test_class_facts_are_the_official_ones(folder, table):
    dataset = Cityscapes(folder, complete=False)
    official = sorted(
        (label for label in table.labels if not label.ignoreInEval),
        key=lambda label: label.trainId,
    )
    assert [label.trainId for label in official] == list(range(19))
    assert dataset.class_names == tuple(label.name for label in official)
    assert dataset.categories == tuple(label.category for label in official)
    assert dataset.palette.tolist() == [list(label.color) for label in official]
    assert dataset.submission_values.tolist() == [label.id for label in official]


@pytest.mark.parametrize("annotations", ["fine", "coarse"])
def test_ids_become_the_official_train_ids(folder, table, annotations):
    dataset = Cityscapes(folder, annotations=annotations, complete=False)
    assert len(dataset) == 3
    expected = [table.id2label[label_id].trainId for label_id in IDS.ravel()]
    for _, label in dataset:
        assert label.dtype == np.uint8
        np.testing.assert_array_equal(label.ravel(), expected)


def test_images_go_with_their_labels(folder):
    path = folder / "gtFine/train/zurich" / f"{FRAMES[2]}_gtFine_labelIds.png"
    write_label(path, np.full_like(IDS, 26))
    dataset = Cityscapes(folder, complete=False)
    assert [np.unique(label).tolist() == [13] for _, label in dataset] == [0, 0, 1]
    assert [path.name for path in dataset.image_paths] == [
        f"{frame}_leftImg8bit.png" for frame in FRAMES
    ]


def test_the_test_split_has_void_labels(tmp_path):
    path = tmp_path / "leftImg8bit/test/bonn/bonn_000000_000019_leftImg8bit.png"
    write_image(path)
    dataset = Cityscapes(tmp_path, "test", complete=False)
    image, label = dataset[0]
    assert image.shape == (6, 8, 3) and label.shape == (6, 8)
    assert label.dtype == np.uint8 and (label == 255).all()
    assert dataset.submission_name(0) == "bonn_000000_000019.png"


def test_train_extra_is_coarse(folder):
    for kind in ("leftImg8bit", "gtCoarse"):
        (folder / kind / "train").rename(folder / kind / "train_extra")
    assert len(Cityscapes(folder, "train_extra", "coarse", complete=False)) == 3
    with pytest.raises(ValueError, match="19998 images expected, 3 found"):
        Cityscapes(folder, "train_extra", "coarse")


def whole_val(tmp_path):
    path = "lindau/lindau_000000_000019"
    image = tmp_path / "leftImg8bit" / "val" / f"{path}_leftImg8bit.png"
    label = tmp_path / "gtFine" / "val" / f"{path}_gtFine_labelIds.png"
    write_image(image)
    write_label(label, np.full((6, 8), 7))
    for city, count in (("frankfurt", 267), ("lindau", 59), ("munster", 174)):
        frames = [f"{city}_{index:06d}_000019" for index in range(count)]
        copies(image, [f"../{city}/{frame}_leftImg8bit.png" for frame in frames])
        copies(label, [f"../{city}/{frame}_gtFine_labelIds.png" for frame in frames])


def test_a_whole_split_and_one_image_or_label_less(tmp_path):
    whole_val(tmp_path)
    assert len(Cityscapes(tmp_path, "val")) == 500
    frame = "munster/munster_000003_000019"
    (tmp_path / "gtFine" / "val" / f"{frame}_gtFine_labelIds.png").unlink()
    message = "The val split of Cityscapes is not complete: no label for munster_000003"
    for complete in (True, False):
        with pytest.raises(ValueError, match=message) as caught:
            Cityscapes(tmp_path, "val", complete=complete)
    assert "gtFine_trainvaltest.zip from https://www.cityscapes-dataset.com" in str(
        caught.value
    )
    (tmp_path / "leftImg8bit" / "val" / f"{frame}_leftImg8bit.png").unlink()
    with pytest.raises(ValueError) as caught:
        Cityscapes(tmp_path, "val")
    assert ("500 images expected, 499 found; munster has 173 of 174.") in str(
        caught.value
    )
    assert len(Cityscapes(tmp_path, "val", complete=False)) == 499


def test_an_image_that_is_missing_is_named_by_its_label(folder):
    path = folder / "leftImg8bit/train/aachen" / f"{FRAMES[0]}_leftImg8bit.png"
    path.unlink()
    with pytest.raises(ValueError, match=f"no image for {FRAMES[0]}"):
        Cityscapes(folder, complete=False)


def test_counts_of_a_part(folder):
    with pytest.raises(ValueError) as caught:
        Cityscapes(folder)
    message = str(caught.value)
    assert "2975 images expected, 3 found" in message
    assert "aachen has 2 of 174, bochum has 0 of 96, " in message
    assert "(18 in all)" in message and "zurich" not in message


@pytest.mark.parametrize("deeper", ["leftImg8bit", "leftImg8bit/train"])
def test_a_folder_too_deep_or_too_high(folder, deeper):
    with pytest.raises(FileNotFoundError) as caught:
        Cityscapes(folder / deeper)
    assert f"They are in {str(folder)!r}: pass that." in str(caught.value)
    with pytest.raises(FileNotFoundError, match="They are in .*: pass that."):
        Cityscapes(folder.parent)


def test_a_folder_that_is_missing(folder):
    shutil.rmtree(folder / "gtFine")
    with pytest.raises(FileNotFoundError) as caught:
        Cityscapes(folder)
    assert "Missing in" in str(caught.value)
    assert ": gtFine/train. Get leftImg8bit_trainvaltest.zip" in str(caught.value)


def test_an_unknown_value(folder):
    path = folder / "gtFine/train/aachen" / f"{FRAMES[1]}_gtFine_labelIds.png"
    write_label(path, np.where(IDS == 33, 34, IDS))
    dataset = Cityscapes(folder, complete=False)
    dataset[0]
    with pytest.raises(ValueError, match=f"{FRAMES[1]}.* holds the values 34, which"):
        dataset[1]


def test_colors_in_the_place_of_ids(folder):
    path = folder / "gtFine/train/aachen" / f"{FRAMES[0]}_gtFine_labelIds.png"
    Image.fromarray(np.zeros((*IDS.shape, 3), "uint8")).save(path)
    with pytest.raises(ValueError, match="Labels must be gray.*holds colors"):
        Cityscapes(folder, complete=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dev"], r"'train', 'val', 'test'\). Received: split='dev'"),
        (["train_extra"], "Received: split='train_extra'"),
        (["test", "coarse"], "Received: split='test'"),
        (["train", "gtFine"], "`annotations` must be .*annotations='gtFine'"),
    ],
)
def test_unknown_arguments(folder, arguments, message):
    with pytest.raises(ValueError, match=message):
        Cityscapes(folder, *arguments)
