import types

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_seg.command import main
from keras_seg.command.export import _images
from keras_seg.inference import multi_scale, predict
from keras_seg.models import inference_model
from tests.models.networks import cheap_deeplab


@pytest.fixture(scope="module")
def model():
    return cheap_deeplab()


@pytest.fixture
def folder(model, tmp_path, monkeypatch):
    """A working directory with a model and the names of its classes."""
    monkeypatch.chdir(tmp_path)
    model.save("model.keras")
    (tmp_path / "classes.txt").write_text("a #010203\nb #040506\nc #070809\n")
    return tmp_path


def image(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), "uint8")


def failing(arguments, capsys, status):
    with pytest.raises(SystemExit) as exit:
        main(["export", "model.keras", *arguments])
    assert exit.value.code == status
    return capsys.readouterr().err


def test_a_saved_model_with_views_and_classes(folder, model, capsys):
    options = ["--flip", "--classes", "classes.txt", "--encoded-size", "32", "48"]
    main(["export", "model.keras", "saved/1", *options])
    told = capsys.readouterr().out
    assert told.startswith("saved/1: SavedModel, ")
    loaded = tf.saved_model.load("saved/1").signatures
    pixels = image(40, 56)
    found = loaded["probabilities"](images=tf.constant(pixels[None]))["probabilities"]
    logits = multi_scale(inference_model(model), (1.0,), flip=True)(pixels[None])
    np.testing.assert_allclose(found, tf.nn.softmax(logits), atol=1e-5)
    assert (folder / "saved/1/assets/labels.txt").read_text().split() == ["a", "b", "c"]
    error = failing(["saved/1"], capsys, 1)
    assert "saved/1 is there already" in error and "--overwrite" in error


def test_a_preset_keeps_its_own_classes(folder, model, monkeypatch):
    colors = ((1, 2, 3), (4, 5, 6), (7, 8, 9))
    preset = types.SimpleNamespace(class_names=("x", "y", "z"), palette=colors)
    monkeypatch.setattr("keras_seg.models.presets", lambda: {"tiny": preset})
    monkeypatch.setattr("keras_seg.models.from_preset", lambda name: model)
    main(["export", "tiny", "saved/1"])
    assert (folder / "saved/1/assets/labels.txt").read_text().split() == ["x", "y", "z"]


def test_an_onnx_file(folder, model):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    main(["export", "model.keras", "a.onnx", "--size", "32", "48"])
    pixels = image(32, 48)
    session = onnxruntime.InferenceSession("a.onnx")
    (classes,) = session.run(["classes"], {"images": pixels[None]})
    assert (classes[0] == predict(model, pixels)).mean() > 0.999


def test_a_quantized_litert_file(folder, model):
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    (folder / "photos").mkdir()
    Image.fromarray(image(50, 60)).save("photos/a.png")
    options = ["--size", "32", "48", "--quantization", "int8", "--images", "photos"]
    main(["export", "model.keras", "a.tflite", *options])
    runner = interpreter.Interpreter("a.tflite").get_signature_runner()
    pixels = image(32, 48)
    classes = runner(images=pixels[None])["classes"]
    assert (classes[0] == predict(model, pixels)).mean() > 0.8


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.onnx", "--batching"], "--batching is for SavedModel"),
        (["saved/1", "--batch-size", "0"], "`--batch-size` must be a positive"),
        (["saved/1", "--size", "8", "8"], "--size is for ONNX and LiteRT"),
        (["a.onnx", "--quantization", "float16"], "--quantization is for LiteRT"),
        (["saved/1", "--outputs", "logits"], "--outputs is not for a SavedModel"),
        (["a.tflite", "--quantization", "int8"], "needs --images"),
        (["a.tflite", "--images", "photos"], "needs --images"),
        (
            ["a.tflite", "--quantization", "int8", "--images", "photos"],
            "--images needs --size",
        ),
        (["a.tflite", "--value-range", "4095"], "are for --images"),
        (["tuned.h5"], "a version number, such as saved_models/tuned/1"),
    ],
)
def test_flags_that_do_not_agree_are_a_message(arguments, words, folder, capsys):
    check_failure(arguments, words, folder, capsys, 2)


def test_wrong_class_names_are_a_message(folder, capsys):
    check_failure(["saved/1", "--classes", "camvid"], "class_names", folder, capsys, 1)


def check_failure(arguments, words, folder, capsys, status):
    error = failing(arguments, capsys, status)
    assert error.startswith("keras-seg: error: ") and words in error
    assert not [
        p
        for p in folder.iterdir()
        if p.name not in ("model.keras", "classes.txt", "saved")
    ]


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_representative_images_have_the_channels_of_the_model(tmp_path, channels):
    source = np.full((10, 12, channels), 40, "uint8")
    source[..., -1] = 200
    np.save(tmp_path / "a.npy", source)
    (resized,) = _images([tmp_path], (6, 8), channels)
    np.testing.assert_array_equal(resized, source[:6, :8])


def test_representative_images_are_scaled_by_the_value_range(tmp_path):
    source = np.full((6, 8, 1), 0.4, "float32")
    np.save(tmp_path / "a.npy", source)
    (found,) = _images([tmp_path], (6, 8), 1, value_range=1.0)
    np.testing.assert_array_equal(found, np.full((6, 8, 1), 102, "uint8"))
