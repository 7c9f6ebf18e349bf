"""What the flags of a training say of labels and classes."""

import numpy as np
import pytest
from PIL import Image

from keras_seg.command.training_flags import parse_training_flags
from keras_seg.command.training_parts import open_training_data


@pytest.fixture
def folder(tmp_path):
    """Two splits of one image, with masks of 0 and 255: a quarter is an object."""
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (tmp_path / split / kind).mkdir(parents=True)
        mask = np.zeros((8, 8), "uint8")
        mask[:2] = 255
        image = np.zeros((8, 8, 3), "uint8")
        Image.fromarray(image).save(tmp_path / split / "images" / "a.png")
        Image.fromarray(mask).save(tmp_path / split / "labels" / "a.png")
    (tmp_path / "classes.txt").write_text("ground\nobject\n")
    return tmp_path


def flags(folder, *more):
    arguments = ["--data", "folder", "--data-dir", str(folder), *more]
    return parse_training_flags("", "spnet", arguments=arguments)


def test_masks_of_0_and_255_stop_the_training(folder, capsys):
    with pytest.raises(ValueError, match="'ground' alone is left.*--label-map 0:0,255"):
        open_training_data(flags(folder))
    assert "25.00% of all pixels" in capsys.readouterr().out


def test_a_label_map_says_what_they_mean(folder, capsys):
    args = flags(folder, "--label-map", "0:0,255:1", "--class-weights", "balanced")
    for dataset in open_training_data(args):
        assert np.bincount(dataset[0][1].ravel()).tolist() == [48, 16]
    out = capsys.readouterr().out
    assert "ground   75.00%" in out and "object   25.00%" in out
    np.testing.assert_allclose(args.class_weights, [0.5 / 0.75, 0.5 / 0.25])


def test_weights_may_be_given_one_by_one(folder):
    more = "--label-map 255:1,0:0 --class-weights 0.25 2".split()
    args = flags(folder, *more)
    open_training_data(args)
    assert args.class_weights == [0.25, 2.0]


def test_another_label_may_be_ignored(folder):
    args = flags(folder, "--label-map", "0:0,255:1", "--ignore-class", "200")
    train, _ = open_training_data(args)
    assert train.ignore_class == 200


def test_a_label_map_that_is_none_is_refused(folder):
    with pytest.raises(SystemExit):
        flags(folder, "--label-map", "0=0")
