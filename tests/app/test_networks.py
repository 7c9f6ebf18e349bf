import types
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_seg import models
from keras_seg.app import Network, open_network
from keras_seg.app.open_network import keras_network
from keras_seg.app.seen import segment
from keras_seg.data import CLASS_TABLES
from keras_seg.layers import NetworkOutput
from keras_seg.models import SPNet
from tests.models.networks import tiny_hanet, tiny_network

IMAGE = np.random.default_rng(0).integers(0, 256, (64, 96, 3), "uint8")


@pytest.fixture(scope="module")
def spnet():
    keras.utils.set_random_seed(0)
    return SPNet(3, tiny_network(), pool_sizes=(2, 1))


@pytest.fixture(scope="module")
def classes(spnet):
    """The network's classes, without the package's prediction functions."""
    logits = keras.ops.convert_to_numpy(spnet(IMAGE[None].astype("float32")))
    return logits[0].argmax(axis=-1).astype("uint8")


@pytest.fixture(scope="module")
def photograph(tmp_path_factory):
    path = tmp_path_factory.mktemp("photographs") / "street.png"
    Image.fromarray(IMAGE).save(path)
    return path


@pytest.fixture
def network(classes):
    """One that says always the same."""
    return Network("same", lambda image: classes, 3)


def test_segments_with_the_model(spnet, classes, photograph):
    found = segment(keras_network(spnet), photograph)
    np.testing.assert_array_equal(found.classes, classes)


def test_options_reach_the_model(classes, photograph):
    asked = []

    def predict(image, **options):
        asked.append(options)
        return classes

    network = Network("a", predict, 3)
    segment(network, photograph)
    found = segment(network, photograph, None, 48, (0.75, 1.0), True)
    options = {"window": (48, 48), "scales": (0.75, 1.0), "flip": True}
    assert asked == [{}, options]
    assert "64 x 96 pixels" in found.report() and "windows of 48" in found.report()


@pytest.mark.parametrize("size", [None, 32])
def test_large_images_have_windows_unless_the_network_has_its_own(
    size, photograph, monkeypatch
):
    monkeypatch.setattr("keras_seg.app.seen._WHOLE", 64 * 95)
    pixels = keras.Input((size, size, 3))
    found = segment(keras_network(keras.Model(pixels, 1.0 * pixels)), photograph)
    np.testing.assert_array_equal(found.classes, IMAGE.argmax(axis=-1))
    assert found.window == (0 if size else 1024)


def test_legend_has_the_shares(network, classes, photograph):
    entries = segment(network, photograph).legend()
    shares = {index: (classes == index).mean() for index in np.unique(classes)}
    order = sorted(shares, key=lambda index: -shares[index])
    assert entries == [(f"class {x}  {shares[x]:.1%}", x) for x in order]


def test_writes_the_mask_and_the_overlay(network, classes, photograph, tmp_path):
    found = segment(network, photograph)
    mask = found.write_mask(tmp_path)
    overlay = found.write_overlay(tmp_path, [0, 1, 2], 0.25)
    np.testing.assert_array_equal(np.asarray(Image.open(mask)), classes)
    expected = found.painted([0, 1, 2], 0.25)  # the page's size is the photograph's
    np.testing.assert_array_equal(np.asarray(Image.open(overlay)), expected)


def test_a_label_gives_scores_and_errors(network, classes, photograph, tmp_path):
    labels = classes.copy()
    labels[:8] = (classes[:8] + 1) % 3
    Image.fromarray(labels).save(tmp_path / "label.png")
    found = segment(network, photograph, tmp_path / "label.png")
    assert found.scores()[0][0] == "mean IoU" and found.scores()[0][1] < 100
    red = (found.errors() == (230, 25, 75)).all(axis=-1)
    np.testing.assert_array_equal(red, labels != classes)


def test_bad_files_are_messages(network, photograph, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(photograph.read_bytes()[:800])
    large = tmp_path / "large.png"
    Image.new("1", (20000, 20000)).save(large)
    small = tmp_path / "small.png"
    Image.new("L", (4, 4)).save(small)
    for path, label, message in (
        (None, None, "Choose a photograph"),
        (broken, None, "broken.png"),
        (large, None, "large.png"),
        (photograph, small, "64 x 96. Received: 4 x 4"),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            segment(network, path, label)
        assert str(tmp_path) not in str(caught.value)
    with pytest.raises(ValueError, match="32 pixels or more. Received: 8"):
        segment(network, photograph, None, 8)


def test_opens_keras_files(spnet, classes, tmp_path):
    path = tmp_path / "best.keras"
    spnet.save(path)
    network = open_network(path)
    assert network.name == f"{tmp_path.name}/best.keras" and network.num_classes == 3
    np.testing.assert_array_equal(network.classes(IMAGE), classes)
    (tmp_path / "classes.txt").write_text("road #010203\ncar #040506\nsky #070809\n")
    network = open_network(path, tmp_path / "classes.txt")
    assert network.class_names == ["road", "car", "sky"]
    assert network.palette.tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    with pytest.raises(ValueError, match=f"{len(CLASS_TABLES['camvid'])} names.*3 cl"):
        open_network(path, "camvid")


@pytest.mark.keras3("the lane's exports have tests of their own")
def test_an_export_with_positions_is_refused(tmp_path):
    from keras_seg.export import export_saved_model

    path = export_saved_model(
        tiny_hanet(positions=True), tmp_path / "1", positions=True
    )
    with pytest.raises(ValueError, match=r"single input .*\['images', 'positions'\]"):
        open_network(path)


@pytest.mark.parametrize("kind", ["SavedModel", "ONNX"])
def test_opens_exported_files(spnet, classes, tmp_path, kind):
    if kind == "SavedModel":
        from keras_seg.export import export_saved_model

        names, palette = ["road", "car", "sky"], [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
        options = {"class_names": names, "palette": palette}
        network = open_network(export_saved_model(spnet, tmp_path / "1", **options))
        assert network.class_names == names and network.palette.tolist() == palette
    else:
        pytest.importorskip("tf2onnx")
        pytest.importorskip("onnxruntime")
        from keras_seg.export import export_onnx

        network = open_network(export_onnx(spnet, tmp_path / "a.onnx", size=(64, 96)))
        # Images of another size are resized for it, and its classes back.
        assert network.classes(IMAGE[:50]).shape == (50, 96)
    assert network.model is None
    assert (network.classes(IMAGE) == classes).mean() > 0.99
    with pytest.raises(ValueError, match="need a .keras file"):
        network.classes(IMAGE, flip=True)


def test_independent_classes(photograph, tmp_path):
    x = images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(3, 3, padding="same")(x)
    model = keras.Model(images, NetworkOutput(independent_classes=True)(x))
    network = keras_network(model, ["road", "wet", "line"])
    assert network.independent_classes and network.num_classes == 3
    found = segment(network, photograph)
    expected = model(IMAGE[None].astype("float32"))[0] > 0
    expected = keras.ops.convert_to_numpy(expected)
    np.testing.assert_array_equal(found.classes, expected)
    shares = expected.mean(axis=(0, 1))
    order = [index for index in np.argsort(-shares, kind="stable") if shares[index]]
    assert [index for _, index in found.legend()] == order
    assert "64 x 96 pixels" in found.report()
    assert found.painted([1], 0.5).shape == IMAGE.shape
    with zipfile.ZipFile(found.write_mask(tmp_path)) as archive:
        assert archive.namelist() == ["road.png", "wet.png", "line.png"]
        with archive.open("wet.png") as file, Image.open(file) as mask:
            np.testing.assert_array_equal(np.asarray(mask), expected[..., 1])
    with pytest.raises(ValueError, match="the classes of this model are independent"):
        segment(network, photograph, photograph)


def test_exported_independent_classes(tmp_path):
    """Of a network whose three classes are the channels above 100."""

    def serve(images):
        return {"classes": tf.cast(images > 100, "uint8")}

    def probabilities(images):
        return {"probabilities": tf.cast(images, "float32") / 255}

    images = tf.TensorSpec((None, None, None, 3), "uint8", name="images")
    functions = {"serving_default": serve, "probabilities": probabilities}
    signatures = {
        name: tf.function(function, input_signature=[images])
        for name, function in functions.items()
    }
    tf.saved_model.save(tf.Module(), str(tmp_path / "1"), signatures)
    network = open_network(tmp_path / "1")
    assert network.independent_classes and network.num_classes == 3
    np.testing.assert_array_equal(network.classes(IMAGE), IMAGE > 100)


def test_onnx_of_independent_classes(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto
    size = [1, 32, 48, 3]
    graph = helper.make_graph(
        [
            helper.make_node("Greater", ["images", "limit"], ["above"]),
            helper.make_node("Cast", ["above"], ["classes"], to=kind.UINT8),
        ],
        "channels above 100",
        [helper.make_tensor_value_info("images", kind.FLOAT, size)],
        [helper.make_tensor_value_info("classes", kind.UINT8, size)],
        [helper.make_tensor("limit", kind.FLOAT, [], [100.0])],
    )
    options = {"opset_imports": [helper.make_opsetid("", 13)], "ir_version": 8}
    onnx.save(helper.make_model(graph, **options), tmp_path / "a.onnx")
    network = open_network(tmp_path / "a.onnx")
    assert network.independent_classes and network.num_classes == 3
    # The image is resized for the network, and its masks back.
    flat = np.zeros((64, 96, 3), "uint8") + np.uint8([50, 150, 200])
    np.testing.assert_array_equal(network.classes(flat), flat > 100)


def test_a_single_logit_is_of_two_classes(photograph):
    layers = keras.Input((None, None, 3)), keras.layers.Conv2D(1, 3, padding="same")
    network = keras_network(keras.Sequential(layers))
    found = segment(network, photograph)
    assert network.num_classes == 2 and found.classes.max() <= 1
    assert found.painted([0, 1], 0.5).shape == IMAGE.shape and found.legend()


def test_opens_presets(spnet, classes, monkeypatch):
    names, palette = ("road", "car", "sky"), ((1, 2, 3), (4, 5, 6), (7, 8, 9))
    preset = types.SimpleNamespace(class_names=names, palette=palette)
    monkeypatch.setattr(models, "presets", lambda: {"street": preset})
    monkeypatch.setattr(models, "from_preset", {"street": spnet}.__getitem__)
    network = open_network("street")
    assert network.name == "street" and network.class_names == list(names)
    np.testing.assert_array_equal(network.palette, palette)
    np.testing.assert_array_equal(network.classes(IMAGE), classes)
    with pytest.raises(FileNotFoundError, match="presets street. Received: 'absent'"):
        open_network("absent")


def test_what_is_no_model(tmp_path):
    (tmp_path / "text.keras").write_text("no model")
    (tmp_path / "a.txt").write_text("no model")
    (tmp_path / "folder").mkdir()
    for name, message in (
        ("text.keras", "Cannot load the model text.keras"),
        ("a.txt", "A model must be a .keras file.*Received: a.txt"),
        ("folder", "version folder of a SavedModel"),
    ):
        with pytest.raises(ValueError, match=message):
            open_network(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="absent.keras"):
        open_network(tmp_path / "absent.keras")


def test_names_and_colors_fit_the_classes():
    with pytest.raises(ValueError, match="2 names and 3 colors for 3 classes"):
        Network("a", None, 3, ["road", "car"])


def test_opens_files_in_the_home_folder(spnet, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    spnet.save(tmp_path / "best.keras")
    assert open_network("~/best.keras").num_classes == 3


def test_exported_files_of_one_channel_see_gray(tmp_path):
    from keras_seg.export import export_saved_model

    gray = keras.Input((None, None, 1))
    bright = keras.layers.Concatenate()([255 - gray, gray])
    network = open_network(
        export_saved_model(keras.Model(gray, bright), tmp_path / "1")
    )
    luma = np.asarray(Image.fromarray(IMAGE).convert("L"))
    assert (network.classes(IMAGE) == (luma > 127)).mean() > 0.99


def onnx_of_classes(path, batch_size=1, dtype="int32"):
    """Writes an ONNX file whose only output is the first channel, as its class."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper = onnx.helper
    kinds = {"int32": onnx.TensorProto.INT32, "uint8": onnx.TensorProto.UINT8}
    size = [batch_size, 32, 48]
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["images", "first"], ["red"], axis=3),
            helper.make_node("Cast", ["red"], ["classes"], to=kinds[dtype]),
        ],
        "red",
        [helper.make_tensor_value_info("images", kinds["uint8"], [*size, 3])],
        [helper.make_tensor_value_info("classes", kinds[dtype], size)],
        [helper.make_tensor("first", onnx.TensorProto.INT64, [], [0])],
    )
    options = {"opset_imports": [helper.make_opsetid("", 13)], "ir_version": 8}
    onnx.save(helper.make_model(graph, **options), path)
    return path


def test_onnx_of_many_classes_needs_their_number(tmp_path):
    path = onnx_of_classes(tmp_path / "a.onnx")
    with pytest.raises(ValueError, match="number of classes of a.onnx must be known"):
        open_network(path)


def test_onnx_of_more_classes_than_names_is_an_error(tmp_path, photograph):
    path = onnx_of_classes(tmp_path / "a.onnx", dtype="uint8")
    (tmp_path / "classes.txt").write_text("road\ncar\n")
    network = open_network(path, classes=tmp_path / "classes.txt")
    with pytest.raises(ValueError, match="2 names, and the predicted class"):
        segment(network, photograph)


def test_onnx_of_batches_is_an_error(tmp_path):
    path = onnx_of_classes(tmp_path / "a.onnx", batch_size=4, dtype="uint8")
    with pytest.raises(ValueError, match="--batch-size 1. Received: a.onnx for .* 4"):
        open_network(path)
