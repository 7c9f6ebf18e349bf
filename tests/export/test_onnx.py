import contextlib
import importlib
import subprocess
import sys

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from keras import layers

from keras_seg.export import export_onnx
from keras_seg.export.comparison import WrongShapeError
from keras_seg.inference import sliding_window
from tests.export.networks import (
    assert_equal,
    build,
    images,
    logits,
    networks,
    pixel_model,
    sample,
)

openvino = pytest.importorskip("openvino")

onnx_export = importlib.import_module("keras_seg.export.onnx")
OUTPUTS = ("classes", "logits")


def run_onnxruntime(path, inputs):
    session = onnxruntime.InferenceSession(path)
    assert {i.name for i in session.get_inputs()} == inputs.keys()
    return dict(zip(OUTPUTS, session.run(list(OUTPUTS), inputs), strict=True))


def run_openvino(path, inputs):
    exactly = {"INFERENCE_PRECISION_HINT": "f32"}  # not in bfloat16, where it could
    model = openvino.Core().compile_model(str(path), "CPU", exactly)
    results = model(inputs)
    return {name: results[name] for name in OUTPUTS}


def runtimes(name):
    """OpenVINO does not read the loop of the fused prior: it has the plain one."""
    return [run_onnxruntime] + [run_openvino] * (name != "CPNet, fused")


@pytest.mark.parametrize("sides", [(64, None), (None, 80)])
def test_one_side_may_be_fixed(sides, tmp_path):
    image = keras.Input((*sides, 3))
    model = keras.Model(image, layers.Conv2D(3, 3, padding="same")(image))
    path = export_onnx(model, tmp_path / "model.onnx", outputs=OUTPUTS)
    size = [side or 96 for side in sides]
    pixels = np.random.default_rng(0).integers(0, 256, (1, *size, 3), "uint8")
    found = run_onnxruntime(path, {"images": pixels})["classes"]
    assert found.shape == (1, *size)


@pytest.mark.parametrize("name", networks("HANet, positions"))
def test_a_file_of_one_size_is_the_model(name, tmp_path):
    model, positions = build(name)
    path = export_onnx(
        model,
        tmp_path / "model.onnx",
        size=(45, 67),
        batch_size=1,
        outputs=OUTPUTS,
        positions=positions,
    )
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]
    inputs, rows = sample(1, 45, 67, positions)
    expected = logits(model, inputs["images"], rows)
    for run in runtimes(name):
        assert_equal(run(path, inputs), expected)


# At 45 x 67 the features do not fill the strides.
@pytest.mark.parametrize("name", networks("DeepLabV3Plus", "CPNet, fused", "DSRL"))
def test_a_file_of_any_size_is_the_model(name, tmp_path):
    model, positions = build(name)
    path = export_onnx(
        model, tmp_path / "model.onnx", outputs=OUTPUTS, positions=positions
    )
    for number, height, width in ((1, 45, 67), (2, 70, 33)):
        inputs, rows = sample(number, height, width, positions)
        expected = logits(model, inputs["images"], rows)
        for run in runtimes(name):
            assert_equal(run(path, inputs), expected)


def test_a_file_has_the_windows_of_the_model(tmp_path):
    model = sliding_window(pixel_model(kernel_size=3), (32, 32))
    path = export_onnx(model, tmp_path / "model.onnx", outputs=OUTPUTS)
    inputs = {"images": images(1, 45, 67)}
    assert_equal(run_onnxruntime(path, inputs), logits(model, inputs["images"]))


def test_a_file_needs_no_keras(tmp_path):
    model = pixel_model()
    path = export_onnx(model, tmp_path / "model.onnx", size=(4, 6))
    code = """
import sys, numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1])
(classes,) = session.run(None, {"images": numpy.zeros((3, 4, 6, 3), "uint8")})
assert classes.shape == (3, 4, 6) and classes.dtype == "uint8"
assert not {"keras", "tensorflow"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code, path], check=True, cwd=tmp_path)


def test_probabilities_of_float_images(tmp_path):
    model = pixel_model()
    path = export_onnx(
        model,
        tmp_path / "model.onnx",
        outputs=("probabilities",),
        input_dtype="float32",
    )
    picture = images(1, 5, 7) / np.float32(50)
    session = onnxruntime.InferenceSession(path)
    (found,) = session.run(None, {"images": picture})
    exponentials = np.exp(logits(model, picture))
    expected = exponentials / exponentials.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_gelu_is_written(tmp_path):
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 1)(layers.Rescaling(1 / 50, -2)(inputs))
    model = keras.Model(inputs, layers.Activation("gelu")(x))
    path = export_onnx(model, tmp_path / "model.onnx", outputs=OUTPUTS)
    inputs = {"images": images(1, 5, 7)}
    assert_equal(run_onnxruntime(path, inputs), logits(model, inputs["images"]))


class Unknown(layers.Layer):
    """A layer of an operation that ONNX lacks."""

    def call(self, x):
        import tensorflow as tf

        return tf.math.igamma(1.0 + tf.abs(x), 1.0)


def test_operations_that_onnx_lacks_are_refused_and_leave_nothing(tmp_path):
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, Unknown()(inputs))
    with pytest.raises(RuntimeError, match="does not load.*Igamma"):
        export_onnx(model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_many_classes_are_int32(tmp_path):
    path = export_onnx(pixel_model(classes=300), tmp_path / "model.onnx", size=(4, 6))
    (output,) = onnxruntime.InferenceSession(path).get_outputs()
    assert output.type == "tensor(int32)"


def test_a_model_of_one_size_gives_a_file_of_it(tmp_path):
    model = pixel_model(size=(8, 12))
    path = export_onnx(model, tmp_path / "model.onnx")
    (image,) = onnxruntime.InferenceSession(path).get_inputs()
    assert image.shape[1:] == [8, 12, 3]
    with pytest.raises(ValueError, match=r"the model, 8 x 12.*size=\(8, 16\)"):
        export_onnx(model, tmp_path / "other.onnx", size=(8, 16))


class Otherwise(layers.Layer):
    """A layer that gives something else within a graph."""

    def call(self, x):
        import tensorflow as tf

        return x if tf.executing_eagerly() else x + 1e-3


def test_a_file_that_differs_is_refused_and_leaves_nothing(tmp_path):
    inputs = keras.Input((None, None, 3))
    x = Otherwise()(layers.Rescaling(1 / 255)(inputs))
    with pytest.raises(RuntimeError, match='the output "logits" for images of 64 x 96'):
        export_onnx(
            keras.Model(inputs, x), tmp_path / "model.onnx", outputs=("logits",)
        )
    assert not list(tmp_path.iterdir())


def test_files_are_not_overwritten_by_accident(tmp_path):
    model = pixel_model()
    path = export_onnx(model, tmp_path / "new" / "model.onnx", size=(4, 6))
    before = onnx.load(path)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        export_onnx(model, path, size=(4, 8))
    assert onnx.load(path) == before
    assert export_onnx(model, path, size=(4, 8), overwrite=True) == path
    assert onnx.load(path) != before


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"path": "model.pb"}, ValueError, "must end in .onnx"),
        ({"size": (0, 8)}, ValueError, "`size` must be a positive integer.*=0"),
        ({"size": 8}, ValueError, "`size` must be a pair"),
        ({"batch_size": 1.0}, ValueError, "`batch_size` must be a positive integer"),
        ({"opset": "18"}, ValueError, "`opset` must be a positive integer"),
        ({"outputs": "classes"}, TypeError, "must be a sequence of names"),
        ({"outputs": ("mask",)}, ValueError, "one or more of classes, probab"),
        ({"outputs": ()}, ValueError, "one or more of classes, probab"),
        ({"input_dtype": "int8"}, ValueError, 'must be "uint8" or "float32"'),
        ({"positions": True}, ValueError, "`positions` must be False"),
    ],
)
def test_rejects_bad_arguments(tmp_path, options, error, message):
    path = tmp_path / options.pop("path", "model.onnx")
    with pytest.raises(error, match=message):
        export_onnx(pixel_model(), path, **options)


def test_rejects_models_that_do_not_segment(tmp_path):
    inputs = keras.Input((None, None, 3))
    classifier = keras.Model(inputs, layers.GlobalAveragePooling2D()(inputs))
    with pytest.raises(ValueError, match=r"must take images.*output \(None, 3\)"):
        export_onnx(classifier, tmp_path / "model.onnx")


@pytest.mark.parametrize("policy", ["float16", "mixed_float16", "mixed_bfloat16"])
def test_models_in_half_precision_are_written_in_float32(policy, tmp_path):
    model = pixel_model(dtype=policy, kernel_size=3)
    path = export_onnx(model, tmp_path / "model.onnx", outputs=("logits", "classes"))
    pictures = images(2, 20, 30)
    found = run_onnxruntime(path, {"images": pictures})
    weights = [w.astype("float32") for w in model.get_weights()]
    plain = pixel_model(kernel_size=3)
    plain.set_weights(weights)
    assert_equal(found, logits(plain, pictures))


def test_models_in_half_precision_may_have_unregistered_layers_and_losses(tmp_path):
    class Half(keras.layers.Layer):
        def call(self, inputs):
            return inputs / 2

    image = keras.Input((None, None, 3))
    x = Half(dtype="mixed_float16")(image)
    x = layers.Conv2D(3, 1, dtype="mixed_float16")(x)
    model = keras.Model(image, x)
    model.compile("sgd", lambda labels, logits: logits)
    path = export_onnx(model, tmp_path / "model.onnx", outputs=("logits",))
    pictures = images(1, 20, 30)
    (found,) = onnxruntime.InferenceSession(path).run(["logits"], {"images": pictures})
    kernel, bias = (w.astype("float32") for w in model.get_weights())
    np.testing.assert_allclose(found, pictures / 2 @ kernel[0, 0] + bias, rtol=1e-4)


def test_a_single_logit_tells_two_classes(tmp_path):
    model = pixel_model(classes=1, kernel_size=3)
    pictures = images(2, 20, 30)
    middle = np.median(logits(model, pictures))
    model.layers[-1].bias.assign([-middle])
    outputs = ("classes", "probabilities", "logits")
    path = export_onnx(model, tmp_path / "model.onnx", outputs=outputs)
    session = onnxruntime.InferenceSession(path)
    classes, shares, found = session.run(list(outputs), {"images": pictures})
    expected = logits(model, pictures)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    np.testing.assert_allclose(shares, 1 / (1 + np.exp(-expected)), atol=1e-4)
    clear = np.abs(expected[..., 0]) > 1e-2
    assert classes.dtype == np.uint8 and 0 < classes.mean() < 1
    np.testing.assert_array_equal(classes[clear], (expected[..., 0] > 0)[clear])


@pytest.mark.parametrize("failures", [1, 5])
def test_a_file_of_the_wrong_shape_is_converted_again(failures, tmp_path, monkeypatch):
    """Sometimes tf2onnx loses an axis; see tests/export/test_comparison.py."""
    write, calls = onnx_export._write, []

    def sometimes(*args):
        calls.append(args)
        if len(calls) <= failures:
            raise WrongShapeError
        write(*args)

    monkeypatch.setattr(onnx_export, "_write", sometimes)
    path = tmp_path / "model.onnx"
    with pytest.raises(WrongShapeError) if failures == 5 else contextlib.nullcontext():
        export_onnx(pixel_model(), path)
    assert len(calls) == min(failures + 1, 5)
    assert path.exists() == (failures == 1)


def test_names_the_extra_where_the_runtime_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ImportError, match=r"tf2onnx: pip install keras-seg\[onnx\]"):
        export_onnx(pixel_model(), tmp_path / "model.onnx")
