import numpy as np
import pytest
from keras import ops

from keras_seg.layers import AggregationModule
from tests.checks import check_layer


def test_contract(tmp_path):
    layer = AggregationModule(4, kernel_size=3)
    # Kernels and biases of the first and second convolution of each pair.
    check_layer(layer, (2, 6, 5, 3), (2, 6, 5, 4), (3 + 8 + 2, 4), tmp_path)


def test_matches_the_formula():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 6, 5, 3)).astype("float32")
    layer = AggregationModule(4, kernel_size=5)
    layer.build(x.shape)
    for weight in (*layer.column_first, *layer.row_first):
        weight.bias.assign(rng.normal(size=4))
    reduced = ops.convert_to_numpy(layer.reduction(x))

    def by_channel(values, conv):
        kernel = ops.convert_to_numpy(conv.kernel)[..., 0]
        rows, columns = kernel.shape[:2]
        pad = [(0, 0), (rows // 2, rows // 2), (columns // 2, columns // 2), (0, 0)]
        padded = np.pad(values, pad)
        out = sum(
            padded[:, i : i + 6, j : j + 5] * kernel[i, j]
            for i, j in np.ndindex(rows, columns)
        )
        return out + ops.convert_to_numpy(conv.bias)

    sizes = [conv.kernel_size for conv in (*layer.column_first, *layer.row_first)]
    assert sizes == [(5, 1), (1, 5), (1, 5), (5, 1)]
    pairs = [
        by_channel(by_channel(reduced, first), second)
        for first, second in (layer.column_first, layer.row_first)
    ]
    expected = np.maximum(sum(pairs) / np.sqrt(1 + 1e-5), 0)
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "name"), [((0,), "filters"), ((4, 2), "kernel_size")]
)
def test_rejects_bad_arguments(options, name):
    with pytest.raises(ValueError, match=f"`{name}` must be .* Received: {name}="):
        AggregationModule(*options)
