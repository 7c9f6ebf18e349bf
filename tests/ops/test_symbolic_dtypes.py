"""Operations of functional models keep the dtype of their inputs."""

import keras
import numpy as np
from keras import ops


def test_a_mixed_policy_does_not_round_float32(mixed_policy):
    inputs = keras.Input((3,), dtype="float32")
    model = keras.Model(inputs, ops.relu(inputs), name="model")
    for each in (model, keras.Model.from_config(model.get_config())):
        found = each(np.array([[1 / 3, -1.0, 70000.0]], "float32"))
        assert keras.backend.standardize_dtype(found.dtype) == "float32"
        np.testing.assert_array_equal(found, np.float32([[1 / 3, 0, 70000]]))
