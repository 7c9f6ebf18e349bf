import sys

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from keras_seg.export import export_litert, litert
from tests.export.networks import (
    assert_equal,
    build,
    images,
    logits,
    networks,
    pixel_model,
    sample,
)


def run(path, inputs):
    runner = Interpreter(str(path)).get_signature_runner()
    assert runner.get_input_details().keys() == inputs.keys()
    return runner(**inputs)


def weight_dtypes(path):
    """The types of what the file holds as constants of more than one number."""
    interpreter = Interpreter(str(path))
    details = interpreter.get_tensor_details()
    return {np.dtype(d["dtype"]).name for d in details if np.prod(d["shape"]) > 1}


@pytest.mark.parametrize("name", networks("CPNet, fused", "HANet, positions"))
def test_a_file_is_the_model(name, tmp_path):
    model, positions = build(name)
    path = export_litert(
        model,
        tmp_path / "model.tflite",
        (45, 67),
        outputs=("classes", "logits"),
        positions=positions,
    )
    assert [file.name for file in tmp_path.iterdir()] == ["model.tflite"]
    inputs, rows = sample(1, 45, 67, positions)
    assert_equal(run(path, inputs), logits(model, inputs["images"], rows))


def test_batches_and_probabilities_of_float_images(tmp_path):
    model = pixel_model()
    path = export_litert(
        model,
        tmp_path / "model.tflite",
        (5, 7),
        batch_size=2,
        outputs=("probabilities",),
        input_dtype="float32",
    )
    pictures = images(2, 5, 7) / np.float32(50)
    exponentials = np.exp(logits(model, pictures))
    expected = exponentials / exponentials.sum(axis=-1, keepdims=True)
    found = run(path, {"images": pictures})["probabilities"]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_float16_halves_the_file_and_hardly_changes_logits(tmp_path):
    model = pixel_model(classes=30, kernel_size=9)
    options = {"size": (20, 30), "outputs": ("logits",)}
    plain = export_litert(model, tmp_path / "plain.tflite", **options)
    half = export_litert(
        model, tmp_path / "half.tflite", quantization="float16", **options
    )
    assert half.stat().st_size < 0.7 * plain.stat().st_size
    assert "float16" in weight_dtypes(half)
    pictures = images(1, 20, 30)
    expected = logits(model, pictures)
    found = run(half, {"images": pictures})["logits"]
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())
    assert np.abs(found - expected).max() > 0


def test_int8_computes_in_integers_of_the_ranges_of_the_images(tmp_path):
    model = pixel_model(classes=30, kernel_size=9)
    path = export_litert(
        model,
        tmp_path / "model.tflite",
        (20, 30),
        outputs=("logits", "classes"),
        quantization="int8",
        representative_images=list(images(4, 20, 30)),
    )
    assert "int8" in weight_dtypes(path)
    pictures = images(1, 20, 30)
    found, expected = run(path, {"images": pictures}), logits(model, pictures)
    error = np.abs(found["logits"] - expected).max() / np.abs(expected).max()
    assert 1e-4 < error < 0.05
    assert np.mean(found["classes"] == expected.argmax(axis=-1)) > 0.9


def test_int8_that_loses_too_much_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError, match="their class in int8, where 100.0% must"):
        export_litert(
            pixel_model(classes=30, kernel_size=9),
            tmp_path / "model.tflite",
            (20, 30),
            quantization="int8",
            representative_images=images(2, 20, 30),
            min_agreement=1.0,
        )
    assert not list(tmp_path.iterdir())


def test_a_file_that_differs_is_refused_and_leaves_nothing(tmp_path, monkeypatch):
    argmax = tf.argmax
    monkeypatch.setattr(tf, "argmax", lambda x, axis: argmax(-x, axis=axis))
    with pytest.raises(RuntimeError, match='the output "classes" for images of 8 x 12'):
        export_litert(pixel_model(), tmp_path / "model.tflite", (8, 12))
    assert not list(tmp_path.iterdir())


def test_a_file_that_does_not_load_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(litert, "_convert", lambda *_: b"no model")
    with pytest.raises(RuntimeError, match="LiteRT does not load the file"):
        export_litert(pixel_model(), tmp_path / "model.tflite", (8, 12))
    assert not list(tmp_path.iterdir())


def test_files_are_not_overwritten_by_accident(tmp_path):
    model = pixel_model()
    path = export_litert(model, tmp_path / "new" / "model.tflite", (4, 6))
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="overwrite=True"):
        export_litert(model, path, (4, 8))
    assert path.read_bytes() == before
    assert export_litert(model, path, (4, 8), overwrite=True) == path
    assert path.read_bytes() != before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "model.pb"}, "must end in .tflite"),
        ({"size": None}, "LiteRT needs a fixed shape.*size=None, batch_size=1"),
        ({"batch_size": None}, "LiteRT needs a fixed shape.*batch_size=None"),
        ({"quantization": "int4"}, "`quantization` must be None, .*'int4'"),
        ({"quantization": "int8"}, "must be given.*representative_images None"),
        ({"outputs": 3}, "`outputs` must be a sequence of names. Received: outputs=3"),
        ({"outputs": [["classes"]]}, "`outputs` must be one or more of classes"),
        ({"min_agreement": 90}, "`min_agreement` must be a float in 0..1"),
        (
            {"quantization": "int8", "representative_images": 5},
            "`representative_images` must be a sequence of arrays",
        ),
        ({"representative_images": [0]}, "with .*int8.*only then.*are not None"),
    ],
)
def test_rejects_bad_arguments(tmp_path, options, message):
    options = {"path": "model.tflite", "size": (8, 12)} | options
    path = tmp_path / options.pop("path")
    with pytest.raises(ValueError, match=message):
        export_litert(pixel_model(), path, **options)


@pytest.mark.parametrize(
    ("pictures", "batch_size", "message"),
    [
        (
            images(3, 8, 10),
            1,
            r"have the shape \(8, 12, 3\). Received: an image of shape \(8, 1",
        ),
        (images(1, 8, 12), 2, "must be at least 2 images. Received: 1"),
        (images(1, 8, 12) / 255, 1, "in 0..255. Received: floats of at most 1"),
        (images(1, 8, 12) - 100.0, 1, "in 0..255. Received values in -"),
    ],
)
def test_rejects_bad_representative_images(tmp_path, pictures, batch_size, message):
    with pytest.raises(ValueError, match=message):
        export_litert(
            pixel_model(),
            tmp_path / "model.tflite",
            (8, 12),
            batch_size=batch_size,
            quantization="int8",
            representative_images=pictures,
        )


def test_names_the_extra_where_the_runtime_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ImportError, match=r"pip install keras-seg\[litert\]"):
        export_litert(pixel_model(), tmp_path / "model.tflite", (8, 12))
