import keras
import numpy as np
import pytest
from keras import ops

from keras_seg.layers import ContextPriorLayer
from keras_seg.losses import AffinityLoss, SegmentationCrossentropy
from keras_seg.ops import prior_context, resize_bilinear

SHAPE = (2, 6, 5, 3)


def layer_and_input(**options):
    layer = ContextPriorLayer(4, (6, 5), kernel_size=3, **options)
    layer.build(SHAPE)
    rng = np.random.default_rng(0)
    return layer, rng.normal(size=SHAPE).astype("float32")


def test_shapes_weights_and_configuration(tmp_path):
    layer, x = layer_and_input()
    clone = ContextPriorLayer.from_config(layer.get_config())
    assert clone.get_config() == layer.get_config()
    counts = (len(layer.trainable_weights), len(layer.non_trainable_weights))
    assert counts == (13 + 3 * 3, 4 + 3 * 2)
    features, prior = layer(x)
    assert tuple(features.shape) == (2, 6, 5, 3 + 8)
    assert tuple(prior.shape) == (2, 30, 30)
    assert len(layer.trainable_weights) == counts[0]
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, layer(inputs))
    assert [tuple(t.shape) for t in model.outputs] == [
        (None, None, None, 11),
        (None, 30, 30),
    ]
    model.save(tmp_path / "layer.keras")
    loaded = keras.saving.load_model(tmp_path / "layer.keras")
    for result, expected in zip(loaded(x), (features, prior), strict=True):
        np.testing.assert_allclose(result, expected, atol=1e-6)


def test_matches_the_equations():
    layer, x = layer_and_input()
    features, prior = (ops.convert_to_numpy(part) for part in layer(x))
    np.testing.assert_array_equal(features[..., :3], x)
    aggregated = ops.convert_to_numpy(layer.aggregation(x)).reshape(2, 30, 4)
    kernel = ops.convert_to_numpy(layer.prior.conv.kernel)[0, 0]
    expected = aggregated @ kernel / np.sqrt(1 + 1e-5)
    np.testing.assert_allclose(prior, expected, atol=1e-5)
    p = 1 / (1 + np.exp(-prior))
    contexts = {"intra": p @ aggregated / 30, "inter": (1 - p) @ aggregated / 30}
    for place, (name, context) in enumerate(contexts.items()):
        kernel = ops.convert_to_numpy(getattr(layer, name).conv.kernel)[0, 0]
        expected = np.maximum(context @ kernel / np.sqrt(1 + 1e-5), 0)
        part = features[..., 3 + 4 * place : 7 + 4 * place].reshape(2, 30, 4)
        np.testing.assert_allclose(part, expected, atol=1e-5)


@pytest.mark.parametrize("size", [(12, 10), (7, 9), (3, 4), (1, 1)])
def test_other_sizes_are_resized_there_and_back(size):
    layer, _ = layer_and_input()
    x = np.random.default_rng(1).normal(size=(2, *size, 3)).astype("float32")
    features, prior = layer(x)
    np.testing.assert_array_equal(features[..., :3], x)  # unchanged
    small = resize_bilinear(ops.convert_to_tensor(x), (6, 5))
    inner, expected_prior = layer(small)
    np.testing.assert_allclose(prior, expected_prior, atol=1e-6)
    expected = resize_bilinear(inner[..., 3:], size)
    np.testing.assert_allclose(features[..., 3:], expected, atol=1e-6)


def test_dynamic_and_static_shapes_agree():
    layer, x = layer_and_input()
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, layer(inputs))
    for result, expected in zip(model.predict(x, verbose=0), layer(x), strict=True):
        np.testing.assert_allclose(result, expected, atol=1e-6)


def test_mixed_precision_reaches_every_part():
    layer, x = layer_and_input(dtype="mixed_float16")
    assert {part.compute_dtype for part in layer._flatten_layers()} == {"float16"}
    features, _ = layer(x)
    assert keras.backend.standardize_dtype(features.dtype) == "float16"


@pytest.mark.keras3("TensorFlow 2.15 sums float16 in float16 on a CPU")
def test_half_precision_neither_overflows_nor_vanishes():
    """For 2500 pixels, sums exceed 65504, and values divided by N fall below 6e-8."""
    for value in (50.0, 1e-3):
        x = ops.cast(ops.full((1, 2500, 2), value), "float16")
        prior = ops.cast(ops.full((1, 2500, 2500), 4.0), "float16")
        share = 1 / (1 + np.exp(-4.0))
        intra, inter = prior_context(prior, x)
        np.testing.assert_allclose(intra, value * share, rtol=0.02)
        np.testing.assert_allclose(inter, value * (1 - share), rtol=0.3)


def test_rejects_bad_sizes_and_unknown_channels():
    with pytest.raises(ValueError, match="`prior_size` must be .rows, columns."):
        ContextPriorLayer(4, 12)
    with pytest.raises(ValueError, match="channels, must be known"):
        ContextPriorLayer(4, (6, 5)).build((None, 6, 5, None))


def fused_layer(**options):
    loss = AffinityLoss((6, 5), num_classes=3)
    return layer_and_input(fused_loss=loss, **options)


def labels_of(classes=3, shape=(2, 12, 10)):
    return np.random.default_rng(0).integers(0, classes, shape)


def test_fused_loss_is_that_of_the_prior():
    separate, x = layer_and_input()
    fused, _ = fused_layer()
    fused.set_weights(separate.get_weights())
    labels = labels_of()
    features, prior = separate(x)
    found, losses = fused(x, labels=labels[..., None])
    np.testing.assert_allclose(found, features, atol=1e-6)
    expected = AffinityLoss((6, 5), 3)(labels, prior)
    np.testing.assert_allclose(ops.mean(losses), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (labels_of() + 7, r"Labels must be classes 0\.\.2 or ignored \(255\)"),
        (labels_of() + 0.5, "a fraction"),
        (labels_of(shape=(2, 30)), r"Labels must be \(batch, height, width\)"),
    ],
)
def test_fused_loss_rejects_invalid_labels(labels, message):
    layer, x = fused_layer()
    with pytest.raises(ValueError, match=message):
        layer(x, labels=labels)


@pytest.mark.parametrize("policy", ["float16", "bfloat16", "mixed_float16"])
def test_fused_loss_in_half_precision(policy):
    layer, x = fused_layer(dtype=policy)
    for training in (True, False):
        features, losses = layer(x, labels=labels_of(), training=training)
        assert np.isfinite(ops.convert_to_numpy(losses)).all()
    symbolic = layer(keras.Input(SHAPE[1:]))
    for tensor, found in zip(symbolic, (features, losses), strict=True):
        assert tensor.dtype == keras.backend.standardize_dtype(found.dtype)


@pytest.mark.parametrize("size", [(6, 4), None])
def test_rejects_other_fused_losses(size):
    loss = AffinityLoss(size, 3) if size else SegmentationCrossentropy()
    with pytest.raises(ValueError, match="`fused_loss` must be an AffinityLoss with"):
        layer_and_input(fused_loss=loss)
