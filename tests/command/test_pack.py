import numpy as np
import pytest

from keras_seg.command import main
from keras_seg.data import StreetScenes, open_split


def test_packed_splits_are_a_data_set(tmp_path, capsys):
    main(["pack", str(tmp_path / "train"), "--scenes", "3", "--images-per-shard", "2"])
    told = capsys.readouterr()
    assert told.out.startswith("3 images  ")  # the progress bar is not in it
    assert "3/3" in told.err
    packed = open_split("packed", "train", tmp_path)
    for (image, label), (expected, classes) in zip(
        packed, StreetScenes(3), strict=True
    ):
        np.testing.assert_array_equal(image, expected)
        np.testing.assert_array_equal(label, classes)


def test_wrong_flags_are_a_message(tmp_path, capsys):
    for flags in (["--data", "camvid"], ["--images-per-shard", "0"]):
        with pytest.raises(SystemExit) as exit:
            main(["pack", str(tmp_path), *flags])
        assert exit.value.code == 2
        assert "keras-seg: error: --" in capsys.readouterr().err
