import keras
import numpy as np
import pytest

from keras_seg.layers import FeatureAffinity
from keras_seg.losses import OutputLoss
from tests.ops.test_feature_affinity import reference


def maps(height, width):
    rng = np.random.default_rng(0)
    return [rng.normal(size=(2, height, width, c)).astype("float32") for c in (4, 3)]


def pooled(x, rows, columns):
    """Returns the means of complete windows, computed with loops."""
    down, across = x.shape[1] // rows, x.shape[2] // columns
    cells = [
        x[:, i * rows : (i + 1) * rows, j * columns : (j + 1) * columns].mean((1, 2))
        for i in range(down)
        for j in range(across)
    ]
    return np.stack(cells, axis=1)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("size", "subscale", "windows"),
    [
        ((8, 12), 4, (4, 4)),
        ((9, 15), 4, (4, 4)),
        ((3, 12), 5, (3, 5)),
        ((4, 5), 1, (1, 1)),
    ],
)
def test_pools_then_compares(size, subscale, windows, known, order):
    inputs = maps(*size)
    expected = reference(*(pooled(x, *windows) for x in inputs), order)
    layer = FeatureAffinity(order, subscale)
    symbolic = [
        keras.Input(x.shape[1:] if known else (None, None, x.shape[-1])) for x in inputs
    ]
    # `predict` runs in a graph on backends that have graphs.
    result = keras.Model(symbolic, layer(symbolic)).predict(inputs, verbose=0)
    np.testing.assert_allclose(result, expected, rtol=1e-5)


def test_saved_and_under_half_precision(tmp_path):
    seg, sr = keras.Input((None, None, 4)), keras.Input((None, None, 3))
    model = keras.Model([seg, sr], FeatureAffinity(2, 4)([seg, sr]))
    assert model.output_shape == (None,)
    expected = model(maps(8, 8))
    model.save(tmp_path / "layer.keras")
    loaded = keras.saving.load_model(tmp_path / "layer.keras")
    np.testing.assert_allclose(loaded(maps(8, 8)), expected, rtol=1e-6)
    layer = FeatureAffinity(2, 4, dtype="mixed_float16")
    result = layer(maps(8, 8))
    symbolic = layer([seg, sr])
    dtypes = [keras.backend.standardize_dtype(x.dtype) for x in (result, symbolic)]
    assert dtypes == ["float32"] * 2
    np.testing.assert_allclose(result, expected, rtol=0.02)


def test_brings_maps_together_in_training():
    image = keras.Input((8, 8, 3))
    seg, sr = (keras.layers.Conv2D(4, 1)(image) for _ in range(2))
    model = keras.Model(image, FeatureAffinity(subscale=2)([seg, sr]))
    model.compile(keras.optimizers.Adam(0.05), OutputLoss())
    x = np.random.default_rng(0).normal(size=(8, 8, 8, 3)).astype("float32")
    history = model.fit(x, np.zeros(8), epochs=30, verbose=0).history["loss"]
    assert history[-1] < 0.3 * history[0]


@pytest.mark.parametrize("options", [{"order": 3}, {"subscale": 0}])
def test_rejects_bad_arguments(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        FeatureAffinity(**options)


def test_rejects_maps_of_different_sizes():
    inputs = [keras.Input((8, 8, 4)), keras.Input((8, 16, 4))]
    with pytest.raises(ValueError, match="same batch size, height and width"):
        FeatureAffinity()(inputs)


def test_rejects_batches_of_different_sizes():
    x = np.ones((2, 8, 8, 4), "float32")
    with pytest.raises(ValueError, match="same batch size"):
        FeatureAffinity()([x, x[:1]])
