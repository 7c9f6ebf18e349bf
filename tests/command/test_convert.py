import pathlib
import runpy
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_seg
from keras_seg.checkpoints import released_model, to_torch_state_dict
from keras_seg.command import main
from keras_seg.export import export_saved_model
from tests import golden_networks, torch_files

NETWORK = "hanet_mobilenet_v2_os16"  # the smallest of those on images
# And the smallest of all, with the options that make it smaller.
HEAD = {"in_channels": 12, "filters": 6, "head_filters": 5, "kernel_size": 3}
HEAD_OPTIONS = ["--network", "cpnet_head", "--prior-size", "3", "4"]
for _name, _value in HEAD.items():
    HEAD_OPTIONS += [f"--{_name.replace('_', '-')}", str(_value)]
# A process that has never seen this one.
PREDICT = """
import sys
import keras, numpy as np
import keras_seg
model = keras.saving.load_model(sys.argv[1])
np.save(sys.argv[3], model(np.load(sys.argv[2]))["segmentation"])
"""


def checkpoint(model, path, written=torch_files.archive):
    """Writes what a training script saves; returns the arrays."""
    shapes = {key: array.shape for key, array in to_torch_state_dict(model).items()}
    arrays = golden_networks.weights(5, shapes)
    tensors = torch_files.tensors({f"module.{k}": v for k, v in arrays.items()})
    counter = torch_files.Storage("counter", np.array([40000]))
    counter = torch_files.Tensor(counter, 0, (), ())
    tensors["module.dsn.1.num_batches_tracked"] = counter
    path.write_bytes(written({"state_dict": tensors, "epoch": 120}))
    return arrays


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """The file that the command wrote, and the arrays of the checkpoint."""
    folder = tmp_path_factory.mktemp("converted")
    arrays = checkpoint(released_model(NETWORK, 7), folder / "a.pth")
    output = folder / "hanet.keras"
    options = ["--network", NETWORK, "--num-classes", "7", "--output", str(output)]
    main(["convert", str(folder / "a.pth"), *options])
    return output, arrays


def test_the_file_loads_in_a_process_of_its_own(converted, tmp_path):
    path, arrays = converted
    images = np.random.default_rng(0).uniform(0, 255, (1, 45, 67, 3)).astype("float32")
    np.save(tmp_path / "images.npy", images)
    files = [path, tmp_path / "images.npy", tmp_path / "logits.npy"]
    subprocess.run([sys.executable, "-c", PREDICT, *files], check=True)
    model = released_model(NETWORK, 7)
    keras_seg.checkpoints.load_torch_weights(model, arrays)
    expected = model(images)["segmentation"].numpy()
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), expected, atol=1e-4)


def test_the_served_class_map_is_the_models(converted, tmp_path):
    path, arrays = converted
    model = keras.saving.load_model(path)
    exported = export_saved_model(model, tmp_path / "1")
    predict = tf.saved_model.load(str(exported)).signatures["serving_default"]
    images = np.random.default_rng(0).integers(0, 256, (2, 45, 67, 3), dtype="uint8")
    classes = predict(images=tf.constant(images))["classes"].numpy()
    logits = model(images)["segmentation"].numpy()
    # Where the two largest are as good as equal, rounding decides.
    second, first = np.sort(logits)[..., -2:].transpose(3, 0, 1, 2)
    clear = first - second > 1e-4
    assert clear.mean() > 0.99 and len(np.unique(classes)) > 1
    np.testing.assert_array_equal(classes[clear], logits.argmax(-1)[clear])
    # And the weights went through the file.
    for key, array in to_torch_state_dict(model).items():
        np.testing.assert_array_equal(array, arrays[key], err_msg=key)


def test_options_of_the_network(tmp_path, capsys):
    """And the older format of the file."""
    head = released_model("cpnet_head", 3, prior_size=(3, 4), **HEAD)
    arrays = checkpoint(head, tmp_path / "a.pth", torch_files.stream)
    output = tmp_path / "a.keras"
    options = [*HEAD_OPTIONS, "--num-classes", "3", "--output", str(output)]
    main(["convert", str(tmp_path / "a.pth"), *options])
    told = capsys.readouterr().out
    assert told == f"{output}: cpnet_head, 3 classes, 0.0 M weights\n"
    model = keras.saving.load_model(output)
    for key, array in to_torch_state_dict(model).items():
        np.testing.assert_array_equal(array, arrays[key], err_msg=key)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.pth"], "No such file or directory: 'missing.pth'"),
        (["text.pth"], "must be a state dict that `torch.save` wrote"),
        (["head.pth"], "'conv_seg.bias' has shape (3,), expected (19,)"),
        (["head.pth", "--positions"], "The options of 'cpnet_head' are"),
        (["head.pth", "--prior-size", "0", "4"], "`prior_size` must be"),
        (["head.pth", "--output", "a.h5"], "`output` must end in .keras"),
        (["head.pth", "--output", "no/a.keras"], "There is no folder no"),
    ],
)
def test_what_is_wrong_is_a_message(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("text.pth").write_text("404: not found")
    head = released_model("cpnet_head", 3, prior_size=(3, 4), **HEAD)
    checkpoint(head, pathlib.Path("head.pth"))
    options = [*HEAD_OPTIONS, "--num-classes", "19", "--output", "a.keras"]
    with pytest.raises(SystemExit) as exit:
        main(["convert", *options, *arguments])
    assert exit.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("keras-seg: error: ") and message in error
    assert not pathlib.Path("a.keras").exists()


def test_wrong_arguments(capsys):
    for arguments in ([], ["convert"], ["convert", "a.pth", "--network", "spnet"]):
        with pytest.raises(SystemExit) as exit:
            main(arguments)
        assert exit.value.code == 2
        assert capsys.readouterr().err.startswith("keras-seg: error: ")


def test_help_tells_the_networks(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["convert", "--help"])
    assert exit.value.code == 0
    text = capsys.readouterr().out
    assert NETWORK in text and "--reduction-ratio" in text


def test_the_module_is_the_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["keras-seg", "--version"])
    with pytest.raises(SystemExit) as exit:
        runpy.run_module("keras_seg", run_name="__main__")
    assert exit.value.code == 0
    assert capsys.readouterr().out == f"keras-seg {keras_seg.__version__}\n"


def test_paths_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    options = {"prior_size": (3, 4), **HEAD}
    checkpoint(released_model("cpnet_head", 3, **options), tmp_path / "a.pth")
    keras_seg.checkpoints.convert("~/a.pth", "cpnet_head", 3, "~/a.keras", **options)
    assert (tmp_path / "a.keras").is_file()
