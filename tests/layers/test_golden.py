"""Tests the layers against recorded outputs of the authors' modules."""

import keras
import numpy as np
import pytest

from keras_seg.checkpoints import load_torch_weights
from keras_seg.layers import (
    AggregationModule,
    ContextPriorLayer,
    HeightDrivenAttention,
    MixedPooling,
    StripPooling,
)
from tests.paths import GOLDEN

CASES = {
    "strip_pooling": lambda record: StripPooling(),
    "mixed_pooling_0": lambda record: MixedPooling(record["pool_sizes"].tolist()),
    "mixed_pooling_1": lambda record: MixedPooling(record["pool_sizes"].tolist()),
}


@pytest.mark.parametrize("sizes", ["static", "run-time"])
@pytest.mark.parametrize("name", CASES)
def test_released_outputs(name, sizes):
    record = np.load(GOLDEN / f"{name}.npz")
    layer = CASES[name](record)
    x = record["x"].transpose(0, 2, 3, 1)
    inputs = keras.Input(
        (None, None, x.shape[-1]) if sizes == "run-time" else x.shape[1:]
    )
    model = keras.Model(inputs, layer(inputs))
    weights = {key[2:]: record[key] for key in record if key.startswith("w/")}
    load_torch_weights(layer, weights)
    for mode, training in (("eval", False), ("train", True)):
        expected = record[f"out_{mode}"].transpose(0, 2, 3, 1)
        result = keras.ops.convert_to_numpy(model(x, training=training))
        tolerance = 1e-5 * np.abs(expected).max()
        np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("sizes", ["static", "run-time"])
@pytest.mark.parametrize("case", range(3))
def test_released_height_attention(case, sizes):
    record = np.load(GOLDEN / f"height_attention_{case}.npz")
    layer = HeightDrivenAttention(
        reduction_ratio=int(record["r_factor"]),
        kernel_size=int(record["kernel_size"]),
        pooling=str(record["pooling"]),
        position_injection=int(record["pos_injection"]),
        dropout_rate=0.0,
        return_attention=True,
    )
    maps = [record[name].transpose(0, 2, 3, 1) for name in ("x", "high")]
    positions = record["positions"]
    run_time = sizes == "run-time"
    inputs = [
        keras.Input((None, None, x.shape[-1]) if run_time else x.shape[1:])
        for x in maps
    ]
    rows = keras.Input((None if run_time else positions.shape[1],), dtype="int32")
    model = keras.Model([*inputs, rows], layer(inputs, positions=rows))
    weights = {key[2:]: record[key] for key in record if key.startswith("w/")}
    load_torch_weights(layer, weights)
    for mode, training in (("eval", False), ("train", True)):
        out, attention = model([*maps, positions], training=training)
        expected = record[f"out_{mode}"].transpose(0, 2, 3, 1)
        tolerance = 1e-5 * np.abs(expected).max()
        np.testing.assert_allclose(out, expected, rtol=0, atol=tolerance)
        expected = record[f"attention_{mode}"].transpose(0, 2, 1)
        np.testing.assert_allclose(attention[:, :, 0], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("sizes", ["static", "run-time"])
@pytest.mark.parametrize("case", range(2))
def test_released_context_prior(case, sizes):
    record = np.load(GOLDEN / f"context_prior_{case}.npz")
    weights = {key[2:]: record[key] for key in record if key.startswith("w/")}
    filters = len(weights["aggregation.norm.bias"])
    options = {"kernel_size": int(record["kernel_size"])}
    layer = ContextPriorLayer(filters, record["prior_size"].tolist(), **options)
    x = record["x"].transpose(0, 2, 3, 1)
    inputs = keras.Input(
        (None, None, x.shape[-1]) if sizes == "run-time" else x.shape[1:]
    )
    model = keras.Model(inputs, layer(inputs))
    load_torch_weights(layer, weights)
    aggregation = AggregationModule(filters, **options)
    aggregation.build(x.shape)
    beginning = "aggregation."
    inner = {
        key.removeprefix(beginning): value
        for key, value in weights.items()
        if key.startswith(beginning)
    }
    load_torch_weights(aggregation, inner)
    for mode, training in (("eval", False), ("train", True)):
        features, prior = model(x, training=training)
        results = {
            "features": features,
            "prior": keras.ops.sigmoid(prior),
            "aggregated": aggregation(x, training=training),
        }
        for name, result in results.items():
            expected = record[f"{name}_{mode}"]
            if expected.ndim == 4:
                expected = expected.transpose(0, 2, 3, 1)
            tolerance = 1e-5 * np.abs(expected).max()
            np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance)
