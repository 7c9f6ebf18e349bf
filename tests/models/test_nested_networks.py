"""Networks that are called as layers of another model."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_seg.models import (
    DeepLabV3Plus,
    attention_model,
    gate_model,
    inference_model,
    network_info,
    prior_model,
    replace_classifier,
)
from tests.models.networks import (
    cheap_deeplab,
    tiny_cpnet,
    tiny_dsrl,
    tiny_hanet,
    tiny_network,
    tiny_spnet,
)


def nested(network):
    """Returns a model that calls a network as a layer, on inputs of its own."""
    inputs = [
        keras.Input(x.shape[1:], dtype=x.dtype, name=x.name if index else None)
        for index, x in enumerate(network.inputs)
    ]
    inputs = inputs if len(inputs) > 1 else inputs[0]
    return keras.Model(inputs, network(inputs))


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (1, 32, 48, 3)).astype("float32")


@pytest.mark.parametrize(
    "build",
    [
        lambda: cheap_deeplab(independent_classes=True),
        lambda: tiny_hanet(positions=True),
        lambda: tiny_cpnet(fused_prior=True),
        tiny_dsrl,
    ],
    ids=["independent", "hanet", "cpnet", "dsrl"],
)
def test_their_marks_are_those_of_the_model(build, images):
    network = build()
    outer = nested(network)
    found, expected = network_info(outer), network_info(network)
    assert found.independent_classes == expected.independent_classes
    assert (found.scale, found.num_classes) == (expected.scale, expected.num_classes)
    assert sorted(map(str, found.inputs.values())) == sorted(
        map(str, expected.inputs.values())
    )
    logits = inference_model(outer)(images)
    expected = inference_model(network)(images)
    np.testing.assert_array_equal(*map(ops.convert_to_numpy, (logits, expected)))


def test_a_look_inside(images):
    attention = attention_model(inference_model(nested(tiny_hanet(positions=True))))
    assert sorted(attention(images)) == [f"attention{point}" for point in range(1, 6)]
    assert prior_model(nested(tiny_cpnet())).output_shape == (None, 24, 24)


def test_other_classes():
    changed = replace_classifier(nested(tiny_cpnet(fused_prior=True)), 5)
    assert network_info(changed).num_classes == 5
    single = tiny_spnet(auxiliary_head=False)
    network = keras.Sequential(
        [keras.Input((None, None, 3)), keras.layers.RandomFlip(), single]
    )
    changed = replace_classifier(network, 4)
    assert network_info(changed).num_classes == 4
    before, after = (x.get_layer("backbone").get_weights() for x in (single, changed))
    for one, two in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, two)
    assert len(gate_model(network).output) == 5


def test_two_networks_in_one_model_stay_layers():
    image = keras.Input((None, None, 3))
    one, two = (
        DeepLabV3Plus(3, tiny_network(), 8, filters=8, name=name) for name in "ab"
    )
    model = keras.Model(image, (one(image) + two(image)) / 2)
    assert inference_model(model) is model
    assert network_info(model).num_classes == 3


def test_a_model_is_saved_without_its_outer_one(images, tmp_path):
    network = inference_model(nested(cheap_deeplab()))
    network.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(loaded(images), network(images), atol=1e-6)
