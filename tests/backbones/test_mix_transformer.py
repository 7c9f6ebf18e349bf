import functools

import keras
import numpy as np
import pytest
from keras import ops

from keras_seg.backbones import mix_transformer
from keras_seg.backbones.mix_transformer import ReducedAttention
from tests.backbones import networks
from tests.checks import check_layer


@pytest.mark.parametrize(("reduction", "weights"), [(1, 8), (2, 12)])
def test_contract(reduction, weights, tmp_path):
    shape = (2, 5, 6, 8)
    check_layer(ReducedAttention(2, reduction), shape, shape, (weights, 0), tmp_path)


def test_frozen_layers_stay_frozen(tmp_path):
    image = keras.Input((4, 4, 8))
    model = keras.Model(image, ReducedAttention(2, 2, name="layer")(image))
    model.get_layer("layer").trainable = False
    model.save(tmp_path / "model.keras")
    for copy in (
        keras.saving.load_model(tmp_path / "model.keras"),
        keras.models.clone_model(model),
    ):
        assert not copy.trainable_weights
        copy.get_layer("layer").trainable = True
        assert len(copy.trainable_weights) == 12
    model.get_layer("layer").trainable = True
    model.get_layer("layer").norm.trainable = False
    copy = keras.models.clone_model(model)
    assert len(copy.trainable_weights) == 10


def attention_in_numpy(x, layer):
    """Equation 2 of the paper, place by place."""
    weights = [ops.convert_to_numpy(weight) for weight in layer.weights]
    (query, q0, key, k0, value, v0, project, p0), rest = weights[:8], weights[8:]
    tokens = x.reshape(-1, x.shape[-1])
    memory = tokens
    if layer.reduction > 1:
        kernel, bias, gamma, beta = rest
        n = layer.reduction
        rows, columns = -(-x.shape[0] // n), -(-x.shape[1] // n)
        padded = np.zeros((rows * n, columns * n, x.shape[-1]))
        padded[: x.shape[0], : x.shape[1]] = x
        memory = np.array(
            [
                np.einsum("ijc,ijco->o", padded[r * n :, c * n :][:n, :n], kernel)
                for r in range(rows)
                for c in range(columns)
            ]
        )
        memory = memory + bias
        memory = memory - memory.mean(1, keepdims=True)
        memory = memory / np.sqrt((memory**2).mean(1, keepdims=True) + 1e-5)
        memory = memory * gamma + beta
    result = np.zeros_like(tokens)
    for head in range(layer.heads):
        q = tokens @ query[:, head] + q0[head]
        k = memory @ key[:, head] + k0[head]
        v = memory @ value[:, head] + v0[head]
        scores = np.exp(q @ k.T / np.sqrt(q.shape[1]))
        result += scores / scores.sum(1, keepdims=True) @ v @ project[head]
    return (result + p0).reshape(x.shape)


@pytest.mark.parametrize("size", [(4, 6), (5, 7), (1, 2)])
@pytest.mark.parametrize("reduction", [1, 2, 4])
def test_attention_at_every_size(size, reduction):
    layer = ReducedAttention(heads=2, reduction=reduction)
    x = np.random.default_rng(0).normal(size=(1, *size, 8))
    layer.build(x.shape)
    networks.randomize(layer)
    expected = attention_in_numpy(x[0], layer)
    np.testing.assert_allclose(layer(x)[0], expected, atol=1e-4)


def test_heads_divide_the_channels():
    with pytest.raises(ValueError, match="Received: 8 channels and heads=3"):
        ReducedAttention(3, 1).build((None, None, None, 8))


def test_the_whole_network_is_keras_hubs(monkeypatch):
    """On a square image, for which keras-hub's is written."""
    # keras-hub takes an approximation of GELU, the paper's authors do not.
    exact = functools.partial(keras.activations.gelu, approximate=False)
    monkeypatch.setattr(ops.nn, "gelu", exact)
    pytest.importorskip("keras_hub", reason="keras-hub is not installed")
    from tests.backbones.hub_networks import mix_transformer as hub_network

    source = hub_network()
    network = mix_transformer.build_mix_transformer(
        source.hidden_dims, source.layerwise_depths
    )
    networks.randomize(source)
    mix_transformer.copy_keras_cv_weights(
        _as_keras_cv(source), network
    )  # the same parts
    images = networks.image((64, 64)) / 255
    features = network(images)
    for level, tensor in source.pyramid_outputs.items():
        expected = keras.Model(source.input, tensor)(images)
        found = features[f"level{int(level[1]) + 1}"]
        np.testing.assert_allclose(found, expected, atol=1e-4)


def _as_keras_cv(source):
    source.depths = source.layerwise_depths
    return source


@pytest.mark.parametrize("size", [(64, 96), (45, 70)])
def test_images_of_every_size(size):
    network = mix_transformer.build_mix_transformer((8, 16, 20, 32), (1, 1, 1, 1))
    features = network(networks.image(size) / 255)
    for level, channels in zip((2, 3, 4, 5), (8, 16, 20, 32), strict=True):
        shape = (1, *(-(-cells // 2**level) for cells in size), channels)
        assert tuple(features[f"level{level}"].shape) == shape
