import pytest

from keras_seg.command.flags import check_locations
from keras_seg.command.recipes import DEFAULTS
from keras_seg.command.training_flags import parse_training_flags

RECIPES = {"camvid": {"epochs": 120}, "default": {"epochs": 30, "weight_decay": 0.5}}


def parse(*arguments):
    return parse_training_flags("", "spnet", RECIPES, arguments=arguments)


def test_a_recipe_is_of_its_data_set_and_flags_go_before_it():
    camvid = "--data", "camvid", "--data-dir", "CamVid"
    args, scenes = parse(*camvid), parse()
    assert (args.epochs, args.weight_decay) == (120, 0.5)
    assert (scenes.epochs, scenes.weight_decay) == (30, 0.5)
    assert parse(*camvid, "--epochs", "1").epochs == 1
    # What no network's recipe states is of the data set.
    assert (args.weights, args.ema, args.batch_size) == ("imagenet", 0.995, 4)
    assert (scenes.weights, scenes.ema, scenes.batch_size) == (None, None, 8)
    assert args.crop == DEFAULTS["crop"] != scenes.crop


def test_a_network_without_a_recipe_has_that_of_its_data():
    args = parse_training_flags("", "spnet", arguments=[])
    assert (args.backbone, args.epochs, args.learning_rate) == ("resnet10", 5, 1e-3)
    voc = ["--data", "voc", "--data-dir", "VOC"]
    args = parse_training_flags("", "spnet", arguments=voc)
    assert {flag: getattr(args, flag) for flag in DEFAULTS} == DEFAULTS


def test_folders_have_the_name_of_the_network():
    assert str(parse().output) == "runs/spnet"
    assert str(parse().export) == "saved_models/spnet/1"


def test_weights_can_be_none_where_a_recipe_has_some():
    recipes = {"default": {"weights": "imagenet"}}
    for flags, expected in (((), "imagenet"), (("--weights", "none"), None)):
        args = parse_training_flags("", "spnet", recipes, arguments=flags)
        assert args.weights is expected or args.weights == expected


def test_data_that_need_a_folder_say_so(capsys):
    with pytest.raises(SystemExit) as stop:
        parse("--data", "voc")
    assert stop.value.code == 2
    assert capsys.readouterr().err.endswith("error: --data voc needs --data-dir\n")


def test_class_weights_are_numbers_or_balanced(capsys):
    assert parse("--class-weights", "0.25", "2").class_weights == [0.25, 2.0]
    assert parse("--class-weights", "balanced").class_weights == ["balanced"]
    for weights in (["balanced", "1"], ["0,1", "2"]):
        with pytest.raises(SystemExit):
            parse("--class-weights", *weights)
        assert "--class-weights must be balanced, or one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--export", "exported"], "must end in a version number"),
        (["--epochs", "0"], "`--epochs` must be a positive integer"),
        (["--val-every", "-1"], "`--val-every` must be a positive integer"),
        (["--batch-size", "0"], "`--batch-size` must be a positive integer"),
        (["--val-batch-size", "0"], "`--val-batch-size` must be a positive integer"),
        (["--lovasz-stride", "4"], "--lovasz-stride is for the loss lovasz"),
    ],
)
def test_bad_flags_stop_before_training(flags, message, capsys):
    with pytest.raises(SystemExit):
        parse(*flags)
    assert message in capsys.readouterr().err


def test_runs_and_exports_may_be_on_other_file_systems():
    args = parse("--output", "gs://bucket/run", "--export", "ram://models/spnet/1")
    assert str(args.output / "best.keras") == "gs://bucket/run/best.keras"
    assert str(args.export) == "ram://models/spnet/1"
    check_locations(args)
    with pytest.raises(ValueError, match="Received: floppy://run"):
        check_locations(parse("--output", "floppy://run"))
