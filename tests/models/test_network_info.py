"""The facts that networks store about themselves, and their readers."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_seg.checkpoints import released_model
from keras_seg.export import export_saved_model
from keras_seg.inference import evaluate, predict
from keras_seg.layers import ConvNorm, NetworkInput, NetworkOutput, NetworkTensor
from keras_seg.losses import OutputLoss, SegmentationCrossentropy
from keras_seg.models import (
    affinity_model,
    attention_model,
    dual_super_resolution,
    gate_model,
    inference_model,
    network_info,
    prior_model,
    replace_classifier,
    select_outputs,
)
from keras_seg.training import named_targets
from tests.models.networks import tiny_cpnet, tiny_dsrl, tiny_hanet, tiny_spnet


def facts(model):
    """Returns the facts that a model shares with its copies."""
    info = network_info(model)
    shapes = [x is not None and x.shape[-1] for x in (info.encoder, info.decoder)]
    classifiers = [layer.filters for layer in info.classifiers]
    return (
        *(list(info.inputs.values()), info.outputs, info.prediction, info.num_classes),
        *(info.scale, info.release, shapes, classifiers),
    )


def purposes(model):
    """`{output: (target, training only)}`."""
    outputs = network_info(model).outputs.items()
    return {name: (output.target, output.training_only) for name, output in outputs}


MAIN, EXTRA = ("labels", False), ("labels", True)


def test_each_network_says_what_it_is():
    spnet, cpnet = tiny_spnet(), tiny_cpnet(fused_prior=True)
    assert purposes(spnet) == {"segmentation": MAIN, "auxiliary": EXTRA}
    assert purposes(cpnet) == {"segmentation": MAIN, "context_prior": (None, True)}
    assert purposes(tiny_cpnet())["context_prior"] == EXTRA
    assert list(network_info(cpnet).inputs.values()) == ["image", "labels"]
    hanet = network_info(tiny_hanet(positions=True))
    assert hanet.inputs == {"image": "image", "positions": "positions"}
    assert (hanet.num_classes, hanet.scale, hanet.prediction) == (3, 1, "segmentation")
    dsrl = tiny_dsrl(scale=3, auxiliary_head=True)
    assert purposes(dsrl) == {
        "segmentation": MAIN,
        "auxiliary": EXTRA,
        "super_resolution": ("image", True),
        "feature_affinity": (None, True),
    }
    info = network_info(dsrl)
    assert (info.num_classes, info.scale, info.release) == (4, 3, None)
    assert {output.scale for output in info.outputs.values()} == {3}


# A paper's module of which nothing in the package knows: edges from the labels, an
# input of labels, and predictions under a name of their own.


@keras.saving.register_keras_serializable(package="tests")
class Guide(keras.layers.Layer):
    """Features, and beside labels a loss of each image."""

    def call(self, x, labels=None):
        if labels is None:
            return x, ops.zeros((ops.shape(x)[0],))
        return x, ops.mean(ops.cast(labels, x.dtype), axis=(1, 2))


def toy_network(num_classes=3):
    image = keras.Input((None, None, 3), name="photo")
    labels = keras.Input((None, None), dtype="int32", name="truth")
    x = keras.layers.Rescaling(1 / 255)(image)
    x = NetworkTensor("encoder")(ConvNorm(4, 3)(x))
    x, loss = Guide()(x, labels=NetworkInput("labels")(labels))
    x = NetworkTensor("decoder")(ConvNorm(6, 3)(x))
    logits = NetworkTensor("logits")(keras.layers.Conv2D(num_classes, 1)(x))
    edges = keras.layers.Conv2D(2, 1)(x)
    outputs = {
        "guidance": NetworkOutput(None, training_only=True, name="guidance")(loss),
        "edges": NetworkOutput(training_only=True, name="edges")(edges),
        "classes": NetworkOutput(name="classes")(logits),
    }
    return keras.Model([image, labels], outputs, name="toy")


def sample(size=(24, 32), classes=2):
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (2, *size, 3)).astype("float32")
    return images, rng.integers(0, classes, (2, *size)).astype("int32")


@pytest.mark.backend("tensorflow", "SavedModels")
def test_a_network_of_another_paper(tmp_path):
    """It trains, predicts, is evaluated, exported and taught other classes as it is."""
    model = toy_network()
    images, labels = sample()
    batches = tf.data.Dataset.from_tensors((images, labels))
    crossentropy = SegmentationCrossentropy()
    losses = {"guidance": OutputLoss(), "edges": crossentropy, "classes": crossentropy}
    model.compile("sgd", losses)
    model.fit(batches.map(named_targets(model)), verbose=0)

    network = inference_model(model)
    assert [x.name for x in network.inputs] == ["photo"]
    expected = np.argmax(network(images), axis=-1)
    np.testing.assert_array_equal(predict(model, images[0]), expected[0])
    result = evaluate(model, batches, ["a", "b", "c"], boundaries=False)
    assert result["pixel_accuracy"] == pytest.approx((expected == labels).mean())
    path = export_saved_model(model, tmp_path / "1")
    served = tf.saved_model.load(str(path)).signatures["serving_default"]
    pixels = images.astype("uint8")
    expected = np.argmax(network(pixels), axis=-1)
    np.testing.assert_array_equal(served(images=pixels)["classes"], expected)

    assert replace_classifier(model, 7).output["classes"].shape[-1] == 7
    taught = dual_super_resolution(model, output="classes", affinity_subscale=2)
    assert facts(taught)[1:4] != facts(model)[1:4]
    assert network_info(taught).prediction == "classes"
    assert inference_model(taught)(images).shape == (2, 48, 64, 3)
    model.fit(batches.map(named_targets(model)), verbose=0)


def set_name(model, name):
    if keras.__version__.startswith("2."):
        model._name = name  # `name` has no setter on Keras 2
    else:
        model.name = name


@pytest.mark.parametrize("make", [tiny_dsrl, toy_network], ids=["dsrl", "toy"])
def test_it_stays_with_a_network(make, tmp_path):
    model = make()
    expected = facts(model)
    assert facts(keras.models.clone_model(model)) == expected
    assert facts(keras.Model(model.input, model.output, name="other")) == expected
    model.save(tmp_path / "model.keras")
    assert facts(keras.saving.load_model(tmp_path / "model.keras")) == expected

    def rename(layer):
        return type(layer).from_config(
            layer.get_config() | {"name": f"renamed_{layer.name}"}
        )

    renamed = keras.models.clone_model(model, clone_function=rename)
    set_name(renamed, "mine")
    assert facts(renamed) == expected
    assert replace_classifier(renamed, 9).count_params() > model.count_params()
    network = inference_model(renamed)
    assert network_info(network).scale == network_info(model).scale
    assert network.output.shape == inference_model(model).output.shape
    other = keras.Model(
        model.input, {f"new_{name}": x for name, x in model.output.items()}
    )
    assert inference_model(other).output.shape == inference_model(model).output.shape


def test_stages_and_other_outputs_say_it_too():
    model = tiny_dsrl()
    stage = select_outputs(model, ["segmentation", "super_resolution"])
    assert network_info(stage).scale == network_info(model).scale == 2
    branch = inference_model(model, output="super_resolution")
    assert network_info(branch).scale == 2
    wrapped = dual_super_resolution(tiny_spnet(), affinity_subscale=2)
    assert network_info(wrapped).encoder.shape[-1] == 32  # the backbone's last level


def test_a_fresh_process_knows_it(tmp_path):
    tiny_dsrl(scale=3).save(tmp_path / "model.keras")
    code = (
        "import keras, keras_seg; from keras_seg.models import network_info\n"
        f"model = keras.saving.load_model({str(tmp_path / 'model.keras')!r})\n"
        "print(network_info(model).scale, model.get_layer('backbone').geometry.levels)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split("{")[0].split() == ["3"]
    assert "'level2': (4, 12)" in result.stdout


def test_releases_are_known_under_any_name():
    model = released_model("cpnet_head", 3, in_channels=4, filters=4, head_filters=4)
    set_name(model, "mine")
    assert network_info(model).release == "cpnet_head"
    assert network_info(replace_classifier(model, 5)).release == "cpnet_head"
    assert network_info(tiny_spnet()).release is None


def plain(names, scale=1, inputs=()):
    """A model as users build it, or as it was saved before."""
    image = keras.Input((None, None, 3), name="image")
    x = keras.layers.Conv2D(5, 1, name="segmentation_classifier")(image)
    x = keras.layers.UpSampling2D(scale)(x)
    outputs = {name: keras.layers.Identity()(x) for name in names}
    others = [keras.Input((None,), dtype="int32", name=name) for name in inputs]
    return keras.Model([image, *others] if others else image, outputs)


def test_models_that_say_nothing():
    model = plain(["segmentation", "super_resolution", "feature_affinity"], scale=2)
    assert purposes(model) == {
        "segmentation": MAIN,
        "super_resolution": ("image", True),
        "feature_affinity": (None, True),
    }
    info = network_info(model)
    assert (info.num_classes, info.scale, info.prediction) == (5, 2, "segmentation")
    assert info.classifiers == [model.get_layer("segmentation_classifier")]
    assert network_info(plain(["heat_maps"])).prediction == "heat_maps"
    assert network_info(plain(["depth", "normals"])).prediction is None
    with pytest.raises(ValueError, match='an output named "segmentation"'):
        inference_model(plain(["depth", "normals"]))


@pytest.mark.parametrize("structure", [list, tuple])
def test_outputs_without_a_dict(structure):
    image = keras.Input((None, None, 3))
    edges, logits = (keras.layers.Conv2D(n, 1)(image) for n in (2, 5))
    outputs = [
        NetworkOutput(training_only=True)(edges),
        NetworkOutput(name="segmentation")(logits),
    ]
    model = keras.Model(image, structure(outputs))
    assert inference_model(model).output_shape == (None, None, None, 5)


def test_a_single_output_has_the_name_of_its_layer():
    image = keras.Input((None, None, 3))
    model = keras.Model(image, keras.layers.Conv2D(5, 1, name="maps")(image))
    for name in (None, "maps", "segmentation"):
        assert inference_model(model, output=name) is model
    with pytest.raises(ValueError, match=r"output named \"nonsense\".*\['maps'\]"):
        inference_model(model, output="nonsense")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NetworkInput("depth"), "`content` must be"),
        (lambda: NetworkTensor("middle"), "`role` must be"),
        (lambda: NetworkOutput("depth"), "`target` must be"),
        (lambda: NetworkOutput(scale=0), "`scale` must be a positive integer"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


class Subclass(keras.Model):
    """A model whose layers are not known."""

    def call(self, x):
        return x


@pytest.mark.parametrize(
    "function",
    [
        network_info,
        inference_model,
        dual_super_resolution,
        affinity_model,
        attention_model,
        gate_model,
        prior_model,
        lambda model: replace_classifier(model, 3),
    ],
)
def test_models_without_a_graph_are_rejected(function):
    with pytest.raises(TypeError, match="functional keras.Model.*Received: Subclass"):
        function(Subclass())


def test_models_without_images_are_rejected():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)], name="flat")
    with pytest.raises(ValueError, match=r"must be images.*'flat' with \(None, 3\)"):
        network_info(model)


def test_the_scale_of_targets_is_the_models():
    images, labels = sample()
    batches = tf.data.Dataset.from_tensors((images, labels))
    inputs, targets = next(iter(batches.map(named_targets(tiny_dsrl()))))
    assert inputs.shape == (2, 12, 16, 3)
    np.testing.assert_array_equal(targets["segmentation"], labels)
    with pytest.raises(ValueError, match="must be that of the model, 2, or None"):
        named_targets(tiny_dsrl(), scale=3)


@pytest.mark.keras3("Keras 2 has no symbolic dtypes of its own")
def test_marks_keep_the_dtype_under_mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        logits = keras.Input((None, None, 3), dtype="float32")
        labels = keras.Input((None, None), dtype="int32")
        assert NetworkOutput()(logits).dtype == "float32"
        assert NetworkInput("labels")(labels).dtype == "int32"
    finally:
        keras.config.set_dtype_policy(before)
