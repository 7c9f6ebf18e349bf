"""Each network in other precisions, without XLA, on other backends, and exported."""

import importlib.util

import numpy as np
import pytest
import tensorflow as tf

from keras_seg.export import export_saved_model
from keras_seg.models import inference_model
from tests.scale.networks import NETWORKS, build
from tests.scale.processes import FLOAT64, results, start

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("network", NETWORKS)]


def losses(*arguments, **options):
    [curves] = results(start(*arguments, **options))
    return np.array([step["loss"] for step in curves])


@pytest.mark.parametrize(
    ("policy", "tolerance"),
    # The loss scale of float16 skips steps until it fits, of SPNet's 30 the first 8.
    [("mixed_bfloat16", 0.05), ("mixed_float16", 0.1)],
)
def test_half_precision_trains_as_single(network, policy, tolerance, matrix):
    expected, found = (
        losses(network, "--policy", name, "--steps", 30) for name in ("float32", policy)
    )
    assert np.isfinite(found).all()
    # The losses are means of an epoch so far: the last is that of all steps.
    assert abs(found[0] - expected[0]) < 0.005 * expected[0]
    assert abs(found[-1] - expected[-1]) < tolerance * expected[-1]
    matrix(network, policy.removeprefix("mixed_"))


def test_compiled_ops_change_nothing(network, matrix):
    compiled, plain = (losses(network, *FLOAT64, *flag) for flag in ((), ("--no-xla",)))
    np.testing.assert_allclose(compiled[:5], plain[:5], rtol=1e-6)
    # By then DSRL's absolute differences have turned the signs of a few gradients.
    np.testing.assert_allclose(compiled, plain, rtol=1e-3)
    matrix(network, "XLA")


@pytest.mark.parametrize(("backend", "name"), [("jax", "JAX"), ("torch", "PyTorch")])
def test_other_backends_take_the_same_steps(network, backend, name, tmp_path, matrix):
    """From the same weights; in float32, where kinks of ReLUs soon make it differ."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: see `make test-{backend}`")
    steps = "--weights", tmp_path / "weights.npz", "--steps", 4
    expected = losses(network, *steps)
    found = losses(network, *steps, backend=backend)
    np.testing.assert_allclose(found[:2], expected[:2], rtol=1e-4)
    np.testing.assert_allclose(found, expected, rtol=1e-2)
    matrix(network, name)


def test_the_export_predicts_as_the_model(network, tmp_path, matrix):
    model, _ = build(network)
    images = np.random.default_rng(0).integers(0, 256, (2, 40, 56, 3), "uint8")
    expected = np.argmax(inference_model(model)(images.astype("float32")), axis=-1)
    path = export_saved_model(model, tmp_path / "1")
    serve = tf.saved_model.load(str(path)).signatures["serving_default"]
    classes = serve(images=tf.constant(images))["classes"].numpy()
    assert len(np.unique(expected)) > 1
    assert (classes == expected).mean() > 0.999  # ties may fall either way
    matrix(network, "export")
