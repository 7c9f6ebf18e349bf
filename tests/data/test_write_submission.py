import numpy as np
import pytest
from PIL import Image

from keras_seg.data import ADE20K, BDD100K, Cityscapes, write_submission
from tests.data.published import write_image


@pytest.fixture
def cityscapes(tmp_path):
    for frame in ("bonn_000000_000019", "mainz_000000_000019"):
        city = frame.split("_")[0]
        write_image(
            tmp_path / "data/leftImg8bit/test" / city / f"{frame}_leftImg8bit.png",
            (3, 19),
        )
    return Cityscapes(tmp_path / "data", "test", complete=False)


def test_cityscapes_gets_label_ids_under_names_that_its_server_finds(
    cityscapes, tmp_path
):
    scripts = pytest.importorskip(
        "cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling"
    )
    table = pytest.importorskip("cityscapesscripts.helpers.labels")
    classes = np.tile(np.arange(19), (3, 1))
    paths = write_submission(cityscapes, [classes, classes], tmp_path / "results")
    args = scripts.CArgs()
    args.predictionPath, args.predictionWalk = str(tmp_path / "results"), None
    found = [
        scripts.getPrediction(args, f"{frame}_gtFine_labelIds.png")
        for frame in ("bonn_000000_000019", "mainz_000000_000019")
    ]
    assert found == [str(path) for path in paths]
    with Image.open(paths[0]) as picture:
        assert picture.mode == "L"
        ids = np.asarray(picture)
    expected = [table.trainId2label[index].id for index in range(19)]
    np.testing.assert_array_equal(ids, [expected] * 3)


def test_ade20k_counts_from_one_and_others_from_zero(tmp_path):
    write_image(tmp_path / "images/testing/ADE_test_00000001.jpg", (1, 150))
    dataset = ADE20K(tmp_path, "test", complete=False)
    classes = np.arange(150)[None]
    (path,) = write_submission(dataset, [classes], tmp_path / "results")
    assert path.name == "ADE_test_00000001.png"
    np.testing.assert_array_equal(np.asarray(Image.open(path)), classes + 1)

    write_image(tmp_path / "images/10k/test/a.jpg", (1, 19))
    dataset = BDD100K(tmp_path, "test", complete=False)
    (path,) = write_submission(dataset, [np.arange(19)[None]], tmp_path / "results")
    np.testing.assert_array_equal(np.asarray(Image.open(path)), np.arange(19)[None])


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        ([np.zeros((3, 19), int)], r"one for each of the 2 images. Received: 1$"),
        ([np.zeros((3, 19), int)] * 3, "the 2 images. Received: more"),
        ([np.zeros((3, 18), int)], r"its size, \(3, 19\). Received: \(3, 18\) of int"),
        ([np.zeros((3, 19))], "must hold integers.*of float64"),
        ([np.full((3, 19), 19)], r"classes 0..18. Received values in 19..19"),
        ([np.full((3, 19), -1)], r"Received values in -1..-1"),
    ],
)
def test_rejects_maps_that_do_not_fit(cityscapes, tmp_path, maps, message):
    with pytest.raises(ValueError, match=message):
        write_submission(cityscapes, iter(maps), tmp_path / "results")


def test_a_folder_in_the_home_folder(cityscapes, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    paths = write_submission(cityscapes, [np.zeros((3, 19), int)] * 2, "~/results")
    assert {path.parent for path in paths} == {tmp_path / "results"}
    assert not [*(tmp_path / "elsewhere").iterdir()]
