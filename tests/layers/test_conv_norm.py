import numpy as np
from keras import ops

from keras_seg.layers import ConvNorm
from tests.checks import check_layer


def test_contract(tmp_path):
    layer = ConvNorm(4, (3, 1), activation="relu")
    check_layer(layer, (2, 6, 5, 3), (2, 6, 5, 4), (3, 2), tmp_path)


def test_contract_with_a_bias(tmp_path):
    layer = ConvNorm(4, 3, use_bias=True)
    check_layer(layer, (2, 6, 5, 3), (2, 6, 5, 4), (4, 2), tmp_path)


def test_matches_the_formula():
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 6, 5, 3)), rng.normal(size=(1, 1, 3, 4))
    for activation, function in [
        ("relu", lambda y: np.maximum(y, 0)),
        (None, np.array),
    ]:
        layer = ConvNorm(4, 1, activation)
        layer.build(x.shape)
        layer.conv.set_weights([kernel])
        layer.norm.set_weights([np.full(4, value) for value in (2, 0.5, 0.25, 4)])
        normed = 2 * (x @ kernel[0, 0] - 0.25) / np.sqrt(4 + 1e-5) + 0.5
        result = ops.convert_to_numpy(layer(x))
        np.testing.assert_allclose(result, function(normed), atol=1e-5)
