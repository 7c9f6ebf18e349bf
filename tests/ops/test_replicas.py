import keras
import numpy as np
import tensorflow as tf

from keras_seg.ops.replicas import moments_over_replicas, sum_over_replicas


def on_replicas(strategy, function, parts):
    values = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(parts[context.replica_id_in_sync_group])
    )
    results = tf.function(lambda: strategy.run(function, (values,)))()
    return [strategy.experimental_local_results(result) for result in results]


def test_moments_are_those_of_the_global_batch(two_replicas):
    """Means far from 0 would cancel all digits of E[x^2] - E[x]^2."""
    rng = np.random.default_rng(0)
    x = 1000 + rng.normal(size=(6, 4, 5, 3))
    x[:3] += 2.0  # the replicas differ
    halves = np.split(x.astype("float32"), 2)
    means, variances = on_replicas(
        two_replicas, lambda part: moments_over_replicas(part, (0, 1, 2)), halves
    )
    for mean, variance in zip(means, variances, strict=True):
        np.testing.assert_allclose(mean, x.mean((0, 1, 2)), rtol=1e-6)
        np.testing.assert_allclose(variance, x.var((0, 1, 2)), rtol=1e-3)
    keras_own = np.mean(np.square(np.float32(x)), (0, 1, 2)) - np.square(means[0])
    assert np.abs(keras_own - x.var((0, 1, 2))).max() > 0.01


def test_one_device_needs_no_strategy():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    mean, variance = moments_over_replicas(keras.ops.array(x, "float32"), (0, 1, 2))
    np.testing.assert_allclose(mean, x.mean((0, 1, 2)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(variance, x.var((0, 1, 2)), rtol=1e-5)
    assert sum_over_replicas(3.0) == 3.0
