import keras
import numpy as np
import pytest
from keras import ops

from keras_seg.training import AdamW, sgd
from tests.training.test_training import pytorch_sgd


def variables():
    with keras.name_scope("height_attention_1"):
        attention = keras.Variable(5.0, name="kernel")
    with keras.name_scope("decoder"):
        other = keras.Variable(5.0, name="kernel")
    return attention, other


def steps(optimizer, gradients, order=1):
    pair = variables()
    optimizer.build(list(pair)[::order])
    for gradient in gradients:
        value = ops.convert_to_tensor(gradient, "float32")
        optimizer.apply([value, value])
    return [float(ops.convert_to_numpy(variable)) for variable in pair]


def test_each_group_has_pytorchs_weight_decay():
    gradients = np.sin(np.arange(400.0)) / 10
    optimizer = sgd(0.01, 0.9, 0.05, decay_groups={"height_attention": 0.01})
    results = steps(optimizer, gradients)
    for result, decay in zip(results, (0.01, 0.05), strict=True):
        expected = pytorch_sgd(5.0, gradients, 0.01, 0.9, decay)
        undecayed = pytorch_sgd(5.0, gradients, 0.01, 0.9, 0.0)
        assert abs(result - expected) < 0.02 * abs(expected - undecayed)


@pytest.mark.parametrize("order", [1, -1])
def test_adamw_takes_rate_times_decay_off(order):
    """Without a gradient that is all that AdamW does (Loshchilov and Hutter)."""
    optimizer = AdamW(0.1, weight_decay=0.5, decay_groups={"height_": 0.2})
    attention, other = steps(optimizer, np.zeros(3), order)
    assert np.isclose(attention, 5 * (1 - 0.1 * 0.2) ** 3)
    assert np.isclose(other, 5 * (1 - 0.1 * 0.5) ** 3)


def test_the_first_key_that_fits_counts():
    groups = {"attention_1/kernel": 0.0, "height_": 0.2}
    optimizer = AdamW(0.1, weight_decay=0.5, decay_groups=groups)
    attention, _ = steps(optimizer, np.zeros(3))
    assert attention == 5.0


@pytest.mark.parametrize("make", [sgd, AdamW])
def test_a_group_without_variables_is_an_error(make):
    optimizer = make(0.1, weight_decay=0.1, decay_groups={"atention": 0.2})
    with pytest.raises(ValueError, match="'atention', and the variables decoder, hei"):
        optimizer.build(list(variables()))


@pytest.mark.parametrize("make", [sgd, AdamW])
def test_a_saved_optimizer_keeps_its_groups(make):
    optimizer = make(0.1, weight_decay=0.5, decay_groups={"height_": 0.2})
    config = keras.saving.serialize_keras_object(optimizer)
    loaded = keras.saving.deserialize_keras_object(config)
    results = [steps(each, np.zeros(3)) for each in (optimizer, loaded)]
    assert results[0] == results[1]
