"""Checks that hold for every layer."""

import keras
import numpy as np
from keras import ops


def check_layer(layer, input_shape, output_shape, num_weights, tmp_path):
    """Checks what Keras users expect of any layer.

    Args:
        layer: An unbuilt layer.
        input_shape: Shape of its input with the batch axis, or a list of shapes.
        output_shape: The shape expected of the output.
        num_weights: Pair, the numbers of trainable and non-trainable variables.
        tmp_path: A folder to save into.
    """
    rng = np.random.default_rng(0)

    def sample(shape):
        return ops.convert_to_tensor(rng.normal(size=shape).astype("float32"))

    def each(function, shapes):
        nested = isinstance(shapes, list)
        return [function(s) for s in shapes] if nested else function(shapes)

    inputs = each(sample, input_shape)
    clone = type(layer).from_config(layer.get_config())
    assert clone.get_config() == layer.get_config()

    # Weights come from `build` alone, and a call adds none.
    clone.build(each(tuple, input_shape))
    counts = (len(clone.trainable_weights), len(clone.non_trainable_weights))
    assert counts == num_weights
    assert tuple(clone(inputs).shape) == output_shape
    assert (len(clone.trainable_weights), len(clone.non_trainable_weights)) == counts

    # Unknown sizes: one symbolic model, any run-time size.
    symbolic = each(lambda s: keras.Input((None, None, s[-1])), input_shape)
    outputs = layer(symbolic)
    assert tuple(outputs.shape) == (None, None, None, output_shape[-1])
    model = keras.Model(symbolic, outputs)
    expected = ops.convert_to_numpy(model(inputs))
    assert expected.shape == output_shape
    assert layer.compute_output_shape(each(tuple, input_shape)) == output_shape

    # A saved model gives the same.
    model.save(tmp_path / "layer.keras")
    loaded = keras.saving.load_model(tmp_path / "layer.keras")
    np.testing.assert_allclose(ops.convert_to_numpy(loaded(inputs)), expected, 1e-6)

    # A training step moves every trainable weight and leaves none undefined.
    if num_weights[0]:
        before = [ops.convert_to_numpy(w) for w in model.trainable_weights]
        model.compile(keras.optimizers.SGD(0.1), "mse")
        model.fit(inputs, sample(output_shape), epochs=2, verbose=0)
        for old, weight in zip(before, model.trainable_weights, strict=True):
            new = ops.convert_to_numpy(weight)
            assert np.isfinite(new).all() and (new != old).any(), weight.path

    # Mixed precision reaches every sublayer.
    config = {**layer.get_config(), "dtype": "mixed_float16"}
    half = type(layer).from_config(config)
    half.build(each(tuple, input_shape))
    assert {sub.compute_dtype for sub in half._flatten_layers()} == {"float16"}
    assert keras.backend.standardize_dtype(half(inputs).dtype) == "float16"
