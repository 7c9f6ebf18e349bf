import keras
import numpy as np
import pytest
from keras import ops

from keras_seg.training import WarmUp, learning_rate

STEPS = np.array([0, 1, 9, 10, 50, 100])


def rates(schedule):
    return [float(ops.convert_to_numpy(schedule(step))) for step in STEPS]


def test_poly_is_the_papers():
    expected = 0.5 * (1 - STEPS / 100) ** 0.9
    np.testing.assert_allclose(rates(learning_rate("poly", 0.5, 100)), expected, 1e-6)


def test_cosine_is_half_a_period():
    expected = 0.25 * (1 + np.cos(np.pi * STEPS / 100))
    found = rates(learning_rate("cosine", 0.5, 100))
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_it_rises_before_it_falls():
    expected = 0.5 * (1 - STEPS / 100) ** 0.9 * np.minimum((STEPS + 1) / 10, 1)
    found = rates(learning_rate("poly", 0.5, 100, warmup=10))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_it_is_saved_with_the_optimizer():
    schedule = learning_rate("cosine", 0.5, 100, warmup=10)
    config = keras.saving.serialize_keras_object(schedule)
    loaded = keras.saving.deserialize_keras_object(config)
    assert isinstance(loaded, WarmUp) and rates(loaded) == rates(schedule)


def test_what_is_wrong_is_an_error():
    with pytest.raises(ValueError, match="one of poly, cosine. Received: 'linear'"):
        learning_rate("linear", 0.5, 100)
    for schedule in ("poly", "cosine"):
        with pytest.raises(ValueError, match="be positive. Received: steps=0"):
            learning_rate(schedule, 0.5, 0)
    with pytest.raises(ValueError, match="0 or more. Received: steps=-1"):
        learning_rate("poly", 0.5, 100, warmup=-1)
    with pytest.raises(TypeError, match="must be a keras.*Schedule. Received: 0.5"):
        WarmUp(0.5, 10)
