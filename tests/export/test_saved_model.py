import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_seg.export import export_saved_model
from keras_seg.models import inference_model
from keras_seg.ops import row_positions
from tests.models.test_cpnet import tiny_cpnet
from tests.models.test_hanet import randomise, tiny_hanet
from tests.models.test_spnet import tiny_spnet

# What TF Serving does: the TensorFlow 1 session loader, here with no keras_seg at all.
SERVE = """
import sys
import numpy as np
import tensorflow as tf
path, images, outputs = sys.argv[1:]
with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    model = tf.compat.v1.saved_model.loader.load(session, ["serve"], path)
    results = {}
    for name in ("serving_default", "probabilities"):
        signature = model.signature_def[name]
        assert list(signature.inputs) == ["images"], signature.inputs
        fetches = {key: value.name for key, value in signature.outputs.items()}
        feed = {signature.inputs["images"].name: np.load(images)}
        results |= session.run(fetches, feed)
assert "keras_seg" not in sys.modules
np.savez(outputs, **results)
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A model with a head for training, and the folder that it was exported to."""
    keras.utils.set_random_seed(0)  # before the fixture that seeds each test
    model = tiny_spnet()
    path = tmp_path_factory.mktemp("saved_models") / "spnet" / "1"
    return model, export_saved_model(model, path)


def pixel_model(channels=3, classes=3):
    inputs = keras.Input((None, None, channels))
    return keras.Model(inputs, layers.Conv2D(classes, 1)(inputs))


def test_served_outputs_are_those_of_the_model(exported, tmp_path):
    model, path = exported
    assert [folder.name for folder in path.parent.iterdir()] == ["1"]
    images = np.random.default_rng(0).integers(0, 256, (2, 45, 67, 3), dtype="uint8")
    np.save(tmp_path / "images.npy", images)
    files = [str(tmp_path / name) for name in ("images.npy", "outputs.npz")]
    command = [sys.executable, "-c", SERVE, str(path), *files]
    subprocess.run(command, cwd=tmp_path, check=True)
    served = np.load(tmp_path / "outputs.npz")
    expected = tf.nn.softmax(model(images)["segmentation"]).numpy()
    assert sorted(served) == ["classes", "probabilities"]
    assert served["classes"].dtype == np.uint8
    np.testing.assert_allclose(served["probabilities"], expected, atol=1e-5)
    # Where two classes are as likely, rounding decides.
    second, first = np.moveaxis(np.sort(expected, axis=-1)[..., -2:], -1, 0)
    clear = first - second > 2e-5
    assert clear.mean() > 0.5
    classes = expected.argmax(-1)
    np.testing.assert_array_equal(served["classes"][clear], classes[clear])


def test_graph_is_for_serving(exported):
    _, path = exported
    assert b"_XlaMustCompile" not in (path / "saved_model.pb").read_bytes()
    names = [
        name for name, _ in tf.train.list_variables(str(path / "variables/variables"))
    ]
    loaded = tf.saved_model.load(str(path))
    assert names and not [v.name for v in loaded.weights if "auxiliary" in v.name]
    predict = loaded.signatures["serving_default"]
    for shape in [(1, 33, 17, 3), (3, 64, 48, 3)]:
        assert predict(images=tf.zeros(shape, tf.uint8))["classes"].shape == shape[:3]


@pytest.mark.parametrize("fused", [False, True])
def test_a_context_prior_is_served(tmp_path, fused):
    """Images and no labels; a graph without operations that only XLA has."""
    model = tiny_cpnet(fused_prior=fused)
    path = export_saved_model(model, tmp_path / "1")
    predict = tf.saved_model.load(str(path)).signatures["probabilities"]
    for size in [(32, 48), (45, 67)]:
        images = np.random.default_rng(0).integers(0, 256, (2, *size, 3), dtype="uint8")
        expected = tf.nn.softmax(inference_model(model)(images))
        result = predict(images=tf.constant(images))["probabilities"]
        np.testing.assert_allclose(result, expected, atol=1e-5)


@pytest.mark.parametrize("positions", [False, True])
def test_positions_are_served_where_asked_for(tmp_path, positions):
    model = randomise(tiny_hanet(positions=True, auxiliary_head=True))
    path = export_saved_model(model, tmp_path / "1", positions=positions)
    predict = tf.saved_model.load(str(path)).signatures["probabilities"]
    names = sorted(predict.structured_input_signature[1])
    assert names == (["images", "positions"] if positions else ["images"])
    images = np.random.default_rng(0).integers(0, 256, (2, 45, 67, 3), dtype="uint8")
    rows = row_positions(np.tile(np.arange(45, dtype="int32"), (2, 1)), 45)
    inputs = {"images": tf.constant(images)}
    if positions:
        rows = rows[:, ::-1]  # another place than that of a whole image
        inputs["positions"] = tf.constant(rows)
    expected = tf.nn.softmax(model([images, rows])["segmentation"])
    result = predict(**inputs)["probabilities"]
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_positions_must_be_there_to_be_served(tmp_path):
    with pytest.raises(ValueError, match="`positions` must be False for a model"):
        export_saved_model(pixel_model(), tmp_path / "1", positions=True)


def test_many_classes_are_int32(tmp_path):
    path = export_saved_model(pixel_model(classes=300), tmp_path / "1")
    predict = tf.saved_model.load(str(path)).signatures["serving_default"]
    assert predict(images=tf.zeros((1, 2, 2, 3), tf.uint8))["classes"].dtype == "int32"


class Compiled(layers.Layer):
    def call(self, x):
        return tf.function(lambda x: x * 2, jit_compile=True)(x)


class SliceUpdate(layers.Layer):
    def call(self, x):
        return keras.ops.slice_update(x, (0, 0, 0, 0), x[:, :1])


@pytest.mark.parametrize("layer", [Compiled, SliceUpdate])
def test_layers_that_ask_for_xla_are_refused_and_leave_nothing(tmp_path, layer):
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, layer()(layers.Conv2D(4, 1)(inputs)))
    with pytest.raises(ValueError, match="for XLA"):
        export_saved_model(model, tmp_path / "1")
    assert not list(tmp_path.iterdir())


def test_versions_are_not_overwritten_by_accident(tmp_path):
    model = pixel_model()
    path = export_saved_model(model, tmp_path / "1")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        export_saved_model(model, path)
    assert export_saved_model(model, path, overwrite=True) == path


def test_a_folder_that_serving_ignores_is_warned_of(tmp_path):
    with pytest.warns(UserWarning, match="whose names are integers"):
        export_saved_model(pixel_model(), tmp_path / "latest")


def test_rejects_models_that_do_not_segment(tmp_path):
    inputs = keras.Input((None, None, 3))
    classifier = keras.Model(inputs, layers.GlobalAveragePooling2D()(inputs))
    with pytest.raises(ValueError, match=r"must take images.*output \(None, 3\)"):
        export_saved_model(classifier, tmp_path / "1")
