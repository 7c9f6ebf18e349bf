"""The parts of a training run that its flags describe."""

import numpy as np
import pytest
from PIL import Image

from keras_seg.command.training_flags import parse_training_flags
from keras_seg.command.training_parts import (
    augmentation,
    finish_run,
    open_training_data,
    optimizer,
    segmentation_loss,
    training_batches,
    validation_epochs,
)
from keras_seg.data import StreetScenes, evaluation_pipeline
from keras_seg.inference import evaluate
from keras_seg.losses import OHEMCrossentropy
from keras_seg.metrics import MeanIoU
from keras_seg.models import inference_model
from keras_seg.training import SGD, AdamW
from tests.models.networks import cheap_deeplab


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
    results = ["--output", str(folder / "run"), "--export", str(folder / "exported/1")]
    arguments = ["--data", "folder", "--data-dir", str(folder), *results, *more]
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


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--backbone resnet19", "--backbone .*Did you mean 'resnet18'"),
        ("--backbone swin", r"--backbone .* Received: swin\.$"),
        ("--loss dice+crosentropy", "--loss must be one or more of crossentropy, "),
        ("--class-weights 1 2 3", "--class-weights .* each of the 2 classes"),
        ("--weights imagent", "--weights .* no file imagent"),
        ("--backbone resnet18", "No ImageNet weights .*'resnet18'.*--weights none"),
    ],
)
def test_wrong_names_stop_before_the_labels_are_read(folder, capsys, flag, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        open_training_data(flags(folder, "--label-map", "0:0,255:1", *flag.split()))
    assert not capsys.readouterr().out


def test_labels_for_validation_are_checked_before_training(folder):
    path = folder / "val" / "labels" / "a.png"
    mask = np.zeros((8, 8), "uint8")
    for value, message in (
        (128, "128"),
        (7, "'ground' alone is left"),
    ):
        mask[:2] = value
        Image.fromarray(mask).save(path)
        args = flags(folder, "--label-map", "0:0,255:1,7:255")
        with pytest.raises(ValueError, match=f"validation set: .*({message})"):
            open_training_data(args)


def test_exports_that_would_fail_or_replace_something_stop_before_training(folder):
    args = flags(folder, "--label-map", "0:0,255:1")
    args.export.mkdir(parents=True)
    open_training_data(args)  # an empty folder is replaced
    (args.export / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="exported/1 holds something else"):
        open_training_data(args)
    (args.export / "notes.txt").unlink()
    (args.export / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ValueError, match="holds a SavedModel.*--overwrite"):
        open_training_data(args)
    open_training_data(flags(folder, "--label-map", "0:0,255:1", "--overwrite"))
    backup = args.output / "backup"
    backup.mkdir(parents=True)
    (backup / f"epoch-{args.epochs - 1}.npz").write_bytes(b"")
    with pytest.raises(ValueError, match="holds a SavedModel.*--overwrite"):
        open_training_data(args)  # the export is of another run
    (backup / f"epoch-{args.epochs}.npz").write_bytes(b"")
    with pytest.raises(ValueError, match="holds a SavedModel.*--overwrite"):
        open_training_data(args)  # a stage is done, but not the last one
    (args.output / "best.keras").write_bytes(b"")
    open_training_data(args)  # interrupted after its export
    args.export = folder / "classes.txt" / "1"
    with pytest.raises(ValueError, match="a folder that can be written.*classes.txt/1"):
        open_training_data(args)


@pytest.mark.parametrize("val_batch_size", ["1", "2"])
def test_validation_images_may_have_any_sizes(folder, two_replicas, val_batch_size):
    """Several devices need batches of one size."""
    for split, size in (("train", (8, 8)), ("val", (8, 16)), ("val", (16, 8))):
        name = f"{size[0]}.png"
        image = np.full((*size, 3), 10 * size[0], "uint8")
        label = np.arange(image[..., 0].size, dtype="uint8").reshape(size) % 2
        Image.fromarray(image).save(folder / split / "images" / name)
        Image.fromarray(label).save(folder / split / "labels" / name)
    more = ["--label-map", "0:0,255:1,1:1", "--crop", "8", "8", "--batch-size", "2"]
    args = flags(folder, *more, "--val-batch-size", val_batch_size)
    train, val = open_training_data(args)
    with two_replicas.scope():
        model = cheap_deeplab(2)
        loss = segmentation_loss(args, train)
        model.compile("sgd", loss, metrics={"segmentation": MeanIoU(2)})
    _, batches, _ = training_batches(args, model, train, val)
    found = model.evaluate(batches, verbose=0, return_dict=True)
    network = inference_model(model)
    expected = evaluate(network, evaluation_pipeline(val), val.class_names)
    [score] = [value for name, value in found.items() if "mean_iou" in name]
    np.testing.assert_allclose(score, expected["mean_iou"], rtol=1e-6)


def test_a_finished_run_keeps_folders_of_other_runs(folder):
    args = flags(folder, "--label-map", "0:0,255:1")
    _, val = open_training_data(args)
    for name in ("other/backup", "backup"):
        (args.output / name).mkdir(parents=True)
    cheap_deeplab(2).save(args.output / "best.keras")
    finish_run(args, val)
    assert (args.output / "other" / "backup").is_dir()
    assert not (args.output / "backup").exists()


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


def parse(*arguments):
    return parse_training_flags("", "spnet", arguments=arguments)


def test_augmentation_flags_reach_the_augmentation():
    plain = augmentation(parse())
    assert (plain.rotation, plain.vertical_flip, plain.blur, plain.resize) == (
        0,
        False,
        0,
        None,
    )
    args = parse(
        *("--crop", "32", "48", "--scale", "0.8", "1.2", "--rotation", "10"),
        *("--vertical-flip", "--blur", "1.5", "--resize", "90", "120"),
    )
    chosen = augmentation(args)
    assert chosen.crop_size == (32, 48) and chosen.scale == (0.8, 1.2)
    assert (chosen.rotation, chosen.vertical_flip, chosen.blur) == (10, True, 1.5)
    assert chosen.resize == [90, 120]
    assert augmentation(parse("--resize", "90")).resize == 90  # the shorter side


@pytest.mark.parametrize(
    ("flag", "values"),
    [("rotation", ["200"]), ("blur", ["-1"]), ("resize", ["1", "2", "3"])],
)
def test_augmentation_flags_outside_their_range_are_errors(flag, values):
    with pytest.raises(ValueError, match=f"`{flag}` must be"):
        augmentation(parse(f"--{flag}", *values))


def test_the_last_epoch_is_validated():
    for every, epochs, expected in ((5, 12, [5, 10, 12]), (3, 6, [3, 6]), (9, 4, [4])):
        args = parse("--val-every", str(every), "--epochs", str(epochs))
        assert validation_epochs(args) == expected


def test_flags_of_the_optimizer_reach_it():
    flags = "--optimizer sgd --learning-rate 0.2 --backbone-rate 0.1 --weight-decay 0.3"
    args = parse(*flags.split(), "--ema", "0.9", "--schedule", "poly")
    found = optimizer(args, 10, decay_groups={"gamma": 0.0})
    assert isinstance(found, SGD) and float(found.learning_rate) == pytest.approx(0.2)
    assert (found.weight_decay, found.decay_groups) == (0.3, {"gamma": 0.0})
    assert (found.use_ema, found.ema_momentum) == (True, 0.9)
    assert found.rate_groups == {"backbone": 0.1}
    plain = optimizer(parse(), 10, rate_groups=None)
    assert isinstance(plain, AdamW) and not plain.use_ema and not plain.rate_groups


def test_flags_of_the_loss_reach_it():
    flags = "--loss crossentropy+lovasz --lovasz-stride 3 --label-smoothing 0.2"
    loss = segmentation_loss(parse(*flags.split()), StreetScenes(1))
    crossentropy, lovasz = loss.losses
    assert (crossentropy.ignore_class, lovasz.ignore_class) == (255, 255)
    assert (crossentropy.label_smoothing, lovasz.stride) == (0.2, 3)


def test_the_stride_of_a_recipe_does_not_hinder_other_losses():
    camvid = parse("--data", "camvid", "--data-dir", "CamVid", "--loss", "ohem")
    assert camvid.lovasz_stride > 1
    assert isinstance(segmentation_loss(camvid, StreetScenes(1)), OHEMCrossentropy)
