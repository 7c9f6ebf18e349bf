import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_seg.export import export_saved_model
from keras_seg.layers import NetworkInput
from keras_seg.models import inference_model
from keras_seg.ops import row_positions
from tests.export.images import encode, photograph
from tests.models.networks import randomize, tiny_cpnet, tiny_hanet, tiny_spnet

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
    model = randomize(tiny_hanet(positions=True, auxiliary_head=True))
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
    (path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(FileExistsError, match="else than an export, 'holiday.jpg'"):
        export_saved_model(model, path, overwrite=True)
    assert (path / "holiday.jpg").exists()


@pytest.mark.parametrize("dtype", ["uint8", "float16"])
def test_models_of_other_dtypes(dtype, tmp_path):
    image = keras.Input((None, None, 3), dtype=dtype)
    model = keras.Model(image, layers.Conv2D(3, 1)(layers.Rescaling(1 / 255)(image)))
    served = tf.saved_model.load(export_saved_model(model, tmp_path / "1"))
    pixels = np.random.default_rng(0).integers(0, 256, (1, 8, 9, 3), "uint8")
    logits = keras.ops.convert_to_numpy(model(pixels))
    for name, dtype in (("serving_default", "uint8"), ("float", "float32")):
        found = served.signatures[name](images=tf.constant(pixels.astype(dtype)))
        np.testing.assert_array_equal(found["classes"], logits.argmax(axis=-1))


def test_arguments_that_contradict_each_other_stop_early(tmp_path):
    with pytest.raises(ValueError, match="`max_pixels` must be at least 4096"):
        export_saved_model(
            pixel_model(), tmp_path / "1", buckets=[(64, 64)], max_pixels=1000
        )
    fixed, half = keras.Input((64, 64, 3)), keras.Input((None, 48, 3))
    for image, options, message in (
        (fixed, {"max_pixels": 1000}, "`max_pixels` must be at least 4096"),
        (half, {}, r"fixed height and width, or neither.*\(None, 48\)"),
    ):
        model = keras.Model(image, layers.Conv2D(3, 1)(image))
        with pytest.raises(ValueError, match=message):
            export_saved_model(model, tmp_path / "1", **options)
    assert not list(tmp_path.iterdir())


def test_a_merged_batch_is_within_the_limit(tmp_path):
    options = {"batching": True, "encoded_size": (40, 60), "max_pixels": 5000}
    path = export_saved_model(pixel_model(), tmp_path / "1", **options)
    text = (path / "batching_params.pbtxt").read_text()
    assert "max_batch_size { value: 2 }" in text
    files = tf.constant([encode(photograph(40, 60))] * 2)
    served = tf.saved_model.load(path).signatures["encoded"](images=files)
    assert served["classes"].shape == (2, 40, 60)


@pytest.mark.parametrize("name", ["final", "1.5", "v1", "-1", "\N{SUPERSCRIPT TWO}"])
def test_a_folder_that_serving_ignores_is_refused(name, tmp_path):
    with pytest.raises(ValueError, match=f"{name}/1: pass version=1"):
        export_saved_model(pixel_model(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_the_version_may_be_given_apart(tmp_path):
    path = export_saved_model(pixel_model(), tmp_path / "pixels", version=np.int64(12))
    assert path == tmp_path / "pixels" / "12"
    assert (path / "saved_model.pb").exists()
    for version in (-1, "2", True):
        with pytest.raises(ValueError, match="`version` must be an integer"):
            export_saved_model(pixel_model(), tmp_path / "pixels", version=version)


def test_custom_gradients_cause_no_warning(tmp_path, caplog):
    @tf.custom_gradient
    def twice(x):
        return 2 * x, lambda gradient: 2 * gradient

    image = keras.Input((None, None, 3))
    model = keras.Model(image, layers.Lambda(twice, lambda shape: shape)(image))
    export_saved_model(model, tmp_path / "1")
    assert "custom gradients" not in caplog.text
    tf.saved_model.load(tmp_path / "1")
    assert "custom gradients" in caplog.text  # of TensorFlow, for other programs


def test_rejects_models_that_do_not_segment(tmp_path):
    inputs = keras.Input((None, None, 3))
    classifier = keras.Model(inputs, layers.GlobalAveragePooling2D()(inputs))
    with pytest.raises(ValueError, match=r"must take images.*output \(None, 3\)"):
        export_saved_model(classifier, tmp_path / "1")


def signatures(path):
    return tf.saved_model.load(str(path)).signatures


def test_variables_are_written_once(exported):
    model, path = exported
    weights = inference_model(model).weights
    size = sum(w.numpy().nbytes for w in weights)
    (data,) = (path / "variables").glob("variables.data*")
    assert size <= data.stat().st_size < 1.1 * size + 20_000
    assert len(tf.saved_model.load(str(path)).weights) == len(weights)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_float_images_are_answered_as_integers_are(exported, dtype):
    model, path = exported
    images = photograph(45, 67)[None]
    name = "float" if dtype == "float32" else "serving_default"
    served = signatures(path)[name](images=tf.constant(images, dtype))["classes"]
    expected = model(images)["segmentation"].numpy().argmax(-1)
    assert served.dtype == "uint8" and np.mean(served == expected) > 0.99


def test_files_are_answered_as_their_pixels_are(exported):
    _, path = exported
    served = signatures(path)
    images = np.stack([photograph(45, 67, seed) for seed in (0, 1)])
    expected = served["serving_default"](images=tf.constant(images))["classes"]
    files = [encode(image) for image in images]
    for contents, wanted in [(files, expected), (files[:1], expected[:1])]:
        answer = served["encoded"](images=tf.constant(contents))["classes"]
        np.testing.assert_array_equal(answer, wanted)


def test_files_are_brought_to_the_only_size_a_model_takes(tmp_path):
    inputs = keras.Input((12, 16, 3))
    model = keras.Model(inputs, layers.Conv2D(3, 1)(inputs))
    served = signatures(export_saved_model(model, tmp_path / "1"))["encoded"]
    for size in [(12, 16), (30, 20)]:
        classes = served(images=tf.constant([encode(photograph(*size))]))["classes"]
        assert classes.shape == (1, 12, 16)
    with pytest.raises(ValueError, match=r"`encoded_size` must be None or \(12, 16\)"):
        export_saved_model(model, tmp_path / "2", encoded_size=(16, 12))
    with pytest.raises(ValueError, match="`buckets` must be None for a model of a"):
        export_saved_model(model, tmp_path / "2", buckets=[(12, 16)])


def test_images_of_other_channels_are_no_files(tmp_path):
    path = export_saved_model(pixel_model(channels=4), tmp_path / "1")
    assert sorted(signatures(path)) == ["float", "probabilities", "serving_default"]


class Mean(layers.Layer):
    """Every place sees the whole image, padding included."""

    def call(self, x):
        return x + keras.ops.mean(x, axis=(1, 2), keepdims=True)


def test_buckets_pad_and_crop(tmp_path):
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, Mean()(layers.Conv2D(3, 3, padding="same")(inputs)))
    path = export_saved_model(model, tmp_path / "1", buckets=[(32, 64), (64, 64)])
    served = signatures(path)
    image = photograph(33, 50)
    padded = np.pad(image, [(0, 31), (0, 14), (0, 0)], mode="edge")
    expected = tf.nn.softmax(model(padded[None]))[:, :33, :50]
    answer = served["probabilities"](images=tf.constant(image[None]))
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError, match="32x64, 64x64"):
        served["encoded"](images=tf.constant([encode(photograph(65, 10))]))


def test_a_prediction_at_a_larger_size_is_cropped_by_its_scale(tmp_path):
    inputs = keras.Input((None, None, 3))
    large = layers.Conv2DTranspose(3, 2, strides=2)(inputs)
    model = keras.Model(inputs, large)
    served = signatures(export_saved_model(model, tmp_path / "1", buckets=[(8, 10)]))
    image = photograph(5, 6)
    expected = tf.nn.softmax(model(image[None]))
    answer = served["probabilities"](images=tf.constant(image[None]))
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-5)


def test_rows_of_padding_have_the_position_of_padding(tmp_path):
    inputs = keras.Input((None, None, 3))
    positions = keras.Input((None,), dtype="int32", name="positions")
    marked = NetworkInput("positions")(positions)
    rows = layers.Embedding(129, 3, "random_normal")(marked)[:, :, None]
    logits = Mean()(layers.Conv2D(3, 1)(inputs) / 256 + rows)
    model = keras.Model([inputs, positions], logits)
    path = export_saved_model(model, tmp_path / "1", buckets=[(64, 64)])
    image = photograph(45, 50)
    padded = np.pad(image, [(0, 19), (0, 14), (0, 0)], mode="edge")[None]
    rows = row_positions(np.arange(45), 45)
    rows = np.concatenate([rows, np.full(19, 128)])[None].astype("int32")
    expected = tf.nn.softmax(model([padded, rows]))[:, :45, :50]
    served = signatures(path)["probabilities"]
    assert list(served.structured_input_signature[1]) == ["images"]
    answer = served(images=tf.constant(image[None]))["probabilities"]
    np.testing.assert_allclose(answer, expected, atol=1e-5)


def test_a_single_logit_tells_two_classes(tmp_path):
    model = pixel_model(classes=1)
    images = photograph(20, 30)[None]
    expected = np.array(model(images.astype("float32")))
    model.layers[-1].bias.assign([-np.median(expected)])
    expected -= np.median(expected)
    path = export_saved_model(model, tmp_path / "1", class_names=["other", "road"])
    served = signatures(path)
    classes = served["serving_default"](images=tf.constant(images))["classes"]
    clear = np.abs(expected[..., 0]) > 1e-2
    np.testing.assert_array_equal(classes[clear], (expected[..., 0] > 0)[clear])
    answer = served["probabilities"](images=tf.constant(images))["probabilities"]
    np.testing.assert_allclose(answer, 1 / (1 + np.exp(-expected)), atol=1e-4)


def test_class_names_and_palette_are_assets(tmp_path):
    palette = np.array([[128, 64, 128], [0, 0, 142], [70, 70, 70]], "uint8")
    names = ["road", "car", "h\u00e4user"]
    path = export_saved_model(
        pixel_model(), tmp_path / "1", class_names=names, palette=palette
    )
    labels = (path / "assets" / "labels.txt").read_text(encoding="utf-8")
    assert labels == "road\ncar\nh\u00e4user\n"
    written = np.loadtxt(path / "assets" / "palette.txt", dtype="uint8")
    np.testing.assert_array_equal(written, palette)
    # TF Serving knows of them too.
    loaded = tf.saved_model.load(str(path))
    paths = [asset.asset_path.numpy().decode() for asset in loaded.class_files]
    assert paths == [str(path / "assets" / f"{n}.txt") for n in ("labels", "palette")]
    path = export_saved_model(pixel_model(), tmp_path / "2")
    assert not list(path.glob("assets/*"))


def test_batching_is_for_images_of_one_size(tmp_path):
    path = export_saved_model(
        pixel_model(), tmp_path / "1", batching=True, encoded_size=(8, 6)
    )
    assert "max_batch_size" in (path / "batching_params.pbtxt").read_text()
    served = signatures(path)["encoded"]
    answer = served(images=tf.constant([encode(photograph(10, 10))]))
    assert answer["classes"].shape == (1, 8, 6)
    with pytest.raises(ValueError, match="must be given with batching=True"):
        export_saved_model(pixel_model(), tmp_path / "2", batching=True)
    path = export_saved_model(pixel_model(), tmp_path / "2", encoded_size=(8, 6))
    assert not (path / "batching_params.pbtxt").exists()


@pytest.mark.parametrize(
    "options",
    [
        {"class_names": ["a", "b"]},
        {"class_names": "abc"},
        {"class_names": ["a", "b\n", "c"]},
        {"class_names": ["a", "b\u2028d", "c"]},
        {"class_names": 3},
        {"palette": [[0, 0, 0]] * 2},
        {"palette": [[0, 0, 256]] * 3},
        {"palette": [[0, 0], [0], [1]]},
        {"buckets": 64},
        {"palette": np.zeros((3, 3))},
        {"encoded_size": 512},
        {"encoded_size": (512, 0)},
        {"buckets": (512, 1024)},
        {"buckets": []},
        {"max_pixels": 0},
        {"max_pixels": 1e6},
    ],
)
def test_bad_arguments_are_named_and_leave_nothing(tmp_path, options):
    (name,) = options
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        export_saved_model(pixel_model(), tmp_path / "1", **options)
    assert not list(tmp_path.iterdir())


def test_larger_requests_than_asked_for_are_errors(tmp_path):
    path = export_saved_model(pixel_model(), tmp_path / "1", max_pixels=100 * 100)
    served = signatures(path)
    for name, dtype in [("serving_default", "uint8"), ("float", "float32")]:
        assert served[name](images=tf.zeros((4, 50, 50, 3), dtype))
        with pytest.raises(tf.errors.InvalidArgumentError, match="10000 pixels"):
            served[name](images=tf.zeros((4, 50, 51, 3), dtype))


class Forgetful(layers.Layer):
    """Answers otherwise within a graph."""

    def call(self, x):
        return x if tf.executing_eagerly() else x[..., ::-1]


def test_a_written_model_that_answers_otherwise_is_an_error(tmp_path):
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, Forgetful()(layers.Conv2D(3, 1)(inputs)))
    with pytest.raises(
        RuntimeError, match='"probabilities" differs in .*% of its values'
    ):
        export_saved_model(model, tmp_path / "1")
    assert not list(tmp_path.iterdir())
    # What was there before stays.
    path = export_saved_model(pixel_model(), tmp_path / "1")
    before = sorted(path.rglob("*"))
    with pytest.raises(RuntimeError, match="gives different results"):
        export_saved_model(model, tmp_path / "1", overwrite=True)
    assert sorted(path.rglob("*")) == before


class Python(layers.Layer):
    def call(self, x):
        same = tf.numpy_function(lambda x: x, [x], "float32")
        return tf.ensure_shape(same, x.shape)


def test_operations_of_python_are_refused(tmp_path):
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, Python()(inputs))
    with pytest.raises(ValueError, match="operations of TensorFlow itself.*PyFunc"):
        export_saved_model(model, tmp_path / "1")
    assert not list(tmp_path.iterdir())


def test_warm_up_requests_are_of_every_bucket(tmp_path):
    apis = "tensorflow_serving.apis.prediction_log_pb2"
    prediction_log_pb2 = pytest.importorskip(apis)
    path = export_saved_model(
        pixel_model(), tmp_path / "pixels" / "1", buckets=[(8, 16), (16, 16)]
    )
    file = path / "assets.extra" / "tf_serving_warmup_requests"
    served = signatures(path)
    found = set()
    for record in tf.data.TFRecordDataset([str(file)]):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        request = log.predict_log.request
        assert request.model_spec.name == "pixels"
        images = tf.make_ndarray(request.inputs["images"])
        answer = served[request.model_spec.signature_name](images=tf.constant(images))
        (output,) = answer.values()
        if images.dtype == object:
            images = tf.io.decode_png(images[0]).numpy()[None]
        assert output.shape[:3] == images.shape[:3]
        found.add((request.model_spec.signature_name, images.shape))
    names = ["serving_default", "probabilities", "float", "encoded"]
    sizes = [(1, 8, 16, 3), (1, 16, 16, 3)]
    assert found == {(name, size) for name in names for size in sizes}
    # Large images must not make a large file.
    assert file.stat().st_size < 10_000


def test_without_the_serving_api_an_export_says_what_it_lacks(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", None)
    with pytest.warns(UserWarning, match=r"keras-seg\[serving\]"):
        path = export_saved_model(pixel_model(), tmp_path / "1")
    assert not (path / "assets.extra").exists()
    assert signatures(path)["serving_default"]


@pytest.mark.keras3("keras.layers.TFSMLayer")
def test_a_keras_layer_takes_the_export(exported):
    model, path = exported
    layer = keras.layers.TFSMLayer(str(path), call_endpoint="probabilities")
    images = photograph(32, 48)[None]
    expected = tf.nn.softmax(model(images)["segmentation"])
    result = layer(tf.constant(images))["probabilities"]
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_merged_images_fit_in_after_padding(tmp_path):
    options = {"encoded_size": (8, 6), "buckets": [(8, 6), (40, 60)]}
    path = export_saved_model(
        pixel_model(), tmp_path / "1", batching=True, max_pixels=5000, **options
    )
    text = (path / "batching_params.pbtxt").read_text()
    assert "max_batch_size { value: 2 }" in text  # of 2400 pixels each


def test_bilinear_upsampling_is_exported(tmp_path):
    inputs = keras.Input((None, None, 3))
    x = layers.UpSampling2D(2, interpolation="bilinear")(inputs)
    model = keras.Model(inputs, layers.AveragePooling2D(2)(x))
    path = export_saved_model(model, tmp_path / "1")
    images = photograph(45, 67)[None]
    found = signatures(path)["serving_default"](images=tf.constant(images))["classes"]
    expected = np.argmax(model(images.astype("float32")), axis=-1)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("with_skip", [False, True])
def test_a_model_of_even_sizes_needs_buckets(tmp_path, with_skip):
    inputs = keras.Input((None, None, 3))
    x = layers.MaxPooling2D(2, padding="same")(inputs)
    x = layers.UpSampling2D(2)(x)
    x = layers.Concatenate()([x, inputs]) if with_skip else x
    model = keras.Model(inputs, x)
    with pytest.raises(ValueError, match="images of any size.*`buckets`.*75 x 101"):
        export_saved_model(model, tmp_path / "1")
    assert not list(tmp_path.iterdir())
    path = export_saved_model(model, tmp_path / "1", buckets=[(16, 16)])
    images = tf.zeros((1, 13, 15, 3), "uint8")
    answer = signatures(path)["serving_default"](images=images)
    assert answer["classes"].shape == (1, 13, 15)
