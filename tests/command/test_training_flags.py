import pytest

from keras_seg.command.training_flags import DEFAULTS, parse_training_flags

RECIPES = {"camvid": {"epochs": 120}, "default": {"epochs": 30, "ema": 0.999}}


def parse(*arguments):
    return parse_training_flags("", "spnet", RECIPES, arguments=arguments)


def test_a_recipe_is_of_its_data_set_and_flags_go_before_it():
    camvid = "--data", "camvid", "--data-dir", "CamVid"
    assert (parse(*camvid).epochs, parse(*camvid).ema) == (120, None)
    assert (parse().epochs, parse().ema) == (30, 0.999)
    assert parse(*camvid, "--epochs", "1").epochs == 1
    for name, value in DEFAULTS.items():
        if name != "epochs":
            assert getattr(parse(*camvid), name) == value


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
