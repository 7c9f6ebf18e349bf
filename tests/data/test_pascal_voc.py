import numpy as np
import pytest

from keras_seg.data import PascalVOC
from keras_seg.data.voc_colors import voc_colors
from tests.data.published import copies, write_image, write_label

NAMES = ("2007_000032", "2007_000033", "2008_000007")
VALUES = np.array([[*range(21), 255]])


@pytest.fixture
def folder(tmp_path):
    """Two of the images in "train", the third in "val"; labels with a palette."""
    for name in NAMES:
        write_image(tmp_path / "JPEGImages" / f"{name}.jpg", VALUES.shape)
        path = tmp_path / "SegmentationClass" / f"{name}.png"
        write_label(path, VALUES, voc_colors(256))
    write_image(tmp_path / "JPEGImages" / "2011_000001.jpg")  # of other tasks
    write_list(tmp_path, "train", NAMES[:2])
    write_list(tmp_path, "val", NAMES[2:])
    return tmp_path


def write_list(folder, split, names):
    path = folder / "ImageSets" / "Segmentation" / f"{split}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(names) + "\n")


def test_the_lists_say_what_is_in_a_split(folder):
    train, val = (
        PascalVOC(folder, split, complete=False) for split in ("train", "val")
    )
    assert [path.stem for path in train.image_paths] == list(NAMES[:2])
    assert [path.stem for path in val.image_paths] == list(NAMES[2:])
    np.testing.assert_array_equal(train[0][1], VALUES)
    assert train.class_names[0] == "background" and train.class_names[15] == "person"
    assert train.num_classes == 21 and val.submission_name(0) == "2008_000007.png"


def test_colors_are_those_of_the_development_kit():
    """As many PASCAL VOC label files have them in their palette."""
    kit = "000000 800000 008000 808000 000080 800080 008080 808080 400000 c00000 408000"
    kit += " c08000 400080 c00080 408080 c08080 004000 804000 00c000 80c000 004080"
    expected = [list(bytes.fromhex(color)) for color in kit.split()]
    assert voc_colors(21).tolist() == expected
    assert voc_colors(256)[255].tolist() == [224, 224, 192]


@pytest.mark.parametrize(
    "line", ["{0}", "/JPEGImages/{0}.jpg /SegmentationClassAug/{0}.png"]
)
def test_augmented_labels(folder, line):
    """Lists of names, and of paths as an older one that is in use has them."""
    for name in NAMES[:2]:
        write_label(folder / "SegmentationClassAug" / f"{name}.png", VALUES * 0 + 7)
    write_list(folder, "trainaug", [line.format(name) for name in NAMES[:2]])
    dataset = PascalVOC(folder, "trainaug", complete=False)
    assert len(dataset) == 2 and (dataset[1][1] == 7).all()
    with pytest.raises(ValueError, match=r"10582 images expected, 2 found.*voc_aug.py"):
        PascalVOC(folder, "trainaug")


def test_the_test_split_has_void_labels(folder):
    write_list(folder, "test", ["2011_000001"])
    (label,) = [label for _, label in PascalVOC(folder, "test", complete=False)]
    assert label.shape == (6, 8) and (label == 255).all()


def test_a_whole_split_and_one_file_less(folder):
    names = [f"2009_{index:06d}" for index in range(1449)]
    write_list(folder, "val", names)
    image, label = (
        folder / "JPEGImages" / f"{NAMES[0]}.jpg",
        folder / "SegmentationClass" / f"{NAMES[0]}.png",
    )
    copies(image, [f"{name}.jpg" for name in names])
    copies(label, [f"{name}.png" for name in names])
    assert len(PascalVOC(folder, "val")) == 1449
    (folder / "JPEGImages" / "2009_000005.jpg").unlink()
    (folder / "SegmentationClass" / "2009_001448.png").unlink()
    with pytest.raises(ValueError) as caught:
        PascalVOC(folder, "val")
    assert (
        "The val split of PASCAL VOC is not complete: 1449 images expected, 1448 "
        "found; no image for 2009_000005; no label for 2009_001448. Get VOCtrainval"
    ) in str(caught.value)
    write_list(folder, "val", names[10:20])
    with pytest.raises(ValueError, match="1449 images expected, 10 found"):
        PascalVOC(folder, "val")


def test_an_unknown_value(folder):
    write_label(folder / "SegmentationClass" / f"{NAMES[1]}.png", VALUES + 1)
    with pytest.raises(ValueError, match=f"{NAMES[1]}.png holds the values 21, which"):
        PascalVOC(folder, complete=False)[1]


def test_wrong_folders_and_lists(folder):
    with pytest.raises(FileNotFoundError, match="They are in .*: pass that."):
        PascalVOC(folder.parent)
    with pytest.raises(FileNotFoundError, match="There is no list .*trainval.txt. Get"):
        PascalVOC(folder, "trainval")
    with pytest.raises(FileNotFoundError, match="SegmentationClassAug. Get the Sem"):
        PascalVOC(folder, "trainaug")
    with pytest.raises(ValueError, match="Received: split='train_aug'"):
        PascalVOC(folder, "train_aug")
