import keras
import numpy as np
import pytest

from keras_seg.losses import AffinityLoss
from tests.ops import affinity_reference as reference
from tests.paths import GOLDEN
from tests.ways import gradients


@pytest.mark.parametrize("case", [0, 1])
def test_released_values_and_gradients(case):
    record = np.load(GOLDEN / f"affinity_loss_{case}.npz")
    labels, prior = record["labels"], record["prior"].astype("float64")
    # In recording _1, unlabeled pixels are one more class.
    classes = int(record["num_classes"]) + 1
    loss = AffinityLoss(labels.shape[1:], classes)
    logits = (np.log(prior) - np.log1p(-prior)).astype("float32")
    value, (gradient,) = gradients(lambda x: (loss(labels, x),) * 2, logits)
    np.testing.assert_allclose(value, record["loss"], rtol=1e-5)
    by_prior = np.array(gradient) / (prior * (1 - prior))
    scale = np.abs(record["grad"]).max()
    np.testing.assert_allclose(by_prior, record["grad"], rtol=0, atol=1e-5 * scale)
    for options, name in (
        ({"global_weight": 0}, "unary"),
        ({"unary_weight": 0}, "glob"),
    ):
        part = AffinityLoss(labels.shape[1:], classes, **options)(labels, logits)
        np.testing.assert_allclose(part, record[name], rtol=1e-5)


@pytest.mark.parametrize("size", [(12, 20), (4, 5), (13, 23), (3, 4)])
def test_labels_of_any_size_are_sampled_as_released(size):
    """PyTorch's nearest neighbor: row floor(i * height / rows)."""
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 2, 255], (2, *size))
    logits = rng.normal(size=(2, 20, 20)).astype("float32")
    rows = [int(np.floor(i * size[0] / 4)) for i in range(4)]
    columns = [int(np.floor(j * size[1] / 5)) for j in range(5)]
    sampled = labels[:, rows][:, :, columns].reshape(2, 20)
    expected = reference.affinity_losses(logits, sampled).mean()
    np.testing.assert_allclose(AffinityLoss((4, 5), 3)(labels, logits), expected, 1e-5)


def test_images_count_alike_and_by_their_weights():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (3, 4, 5))
    labels[1] = 255
    logits = rng.normal(size=(3, 20, 20)).astype("float32")
    expected = reference.affinity_losses(logits, labels.reshape(3, 20))
    assert expected[1] == 0
    loss = AffinityLoss((4, 5), 3)
    np.testing.assert_allclose(loss(labels, logits), expected.mean(), rtol=1e-5)
    weighted = loss(labels, logits, sample_weight=np.array([2.0, 1.0, 0.5], "float32"))
    expected = np.mean(expected * [2, 1, 0.5])
    np.testing.assert_allclose(weighted, expected, rtol=1e-5)


def test_configuration_survives():
    loss = AffinityLoss([4, 5], 3, 7, 0.5, 2.0, name="prior")
    clone = keras.losses.deserialize(keras.losses.serialize(loss))
    assert clone.get_config() == loss.get_config()
    assert loss.get_config() == {
        "name": "prior",
        "prior_size": (4, 5),
        "num_classes": 3,
        "ignore_class": 7,
        "unary_weight": 0.5,
        "global_weight": 2.0,
        "reduction": "sum_over_batch_size",
        "dtype": "float32",
    }


@pytest.mark.keras3("Keras 2 has no reduction of this name")
def test_reduction_and_precision_survive(float64):
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, 3, (2, 4, 5)), rng.normal(size=(2, 20, 20))
    loss = AffinityLoss((4, 5), 3, reduction="none", dtype="float64")
    clone = keras.losses.deserialize(keras.losses.serialize(loss))
    expected = reference.affinity_losses(logits, labels.reshape(2, 20))
    found = np.array(clone(labels, logits))
    assert found.dtype == "float64"
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.keras3("Keras 2 leaves labels as they are")
def test_labels_keep_their_digits_whatever_keras_computes_in():
    """In float16, Keras would merge the classes 2048 and 2049."""
    labels = np.full((1, 4, 5), 2048)
    labels[:, 2:] = 2049
    logits = np.random.default_rng(0).normal(size=(1, 20, 20)).astype("float32")
    loss = AffinityLoss((4, 5), 3000, ignore_class=None)
    expected = float(loss(labels, logits))
    keras.config.set_floatx("float16")
    try:
        found = AffinityLoss((4, 5), 3000, ignore_class=None)(labels, logits)
    finally:
        keras.config.set_floatx("float32")
    np.testing.assert_allclose(float(found), expected, rtol=1e-6)


@pytest.mark.parametrize("prior_size", [4, (4,), (4, 0), (4, 2.5), None])
def test_rejects_bad_sizes(prior_size):
    with pytest.raises(ValueError, match="`prior_size` must be .rows, columns."):
        AffinityLoss(prior_size, 3)


def test_rejects_shapes_that_do_not_fit():
    loss = AffinityLoss((4, 5), 3)
    with pytest.raises(ValueError, match=r"prior logits \(batch, 20, 20\)"):
        loss(np.zeros((2, 8, 10), "int32"), np.zeros((2, 12, 12), "float32"))
    with pytest.raises(ValueError, match=r"Labels must be \(batch, height, width\)"):
        loss(np.zeros((2, 80), "int32"), np.zeros((2, 20, 20), "float32"))


@pytest.mark.parametrize("shape", [(4, 8, 4), (4, 4), (3,), (4, 8, 10)])
def test_rejects_weights_of_pixels(shape):
    """Keras would broadcast the first two, and weight images by rows and columns."""
    labels, logits = np.zeros((4, 8, 4), "int32"), np.zeros((4, 20, 20), "float32")
    with pytest.raises(ValueError, match="`sample_weight` must be one weight per im"):
        AffinityLoss((4, 5), 3)(labels, logits, np.ones(shape))


def test_an_empty_batch_has_no_loss():
    labels, logits = np.zeros((0, 8, 4), "int32"), np.zeros((0, 20, 20), "float32")
    # Keras reduces no losses to no value.
    assert np.array(AffinityLoss((4, 5), 3)(labels, logits)).sum() == 0
