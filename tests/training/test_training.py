import keras
import numpy as np
import tensorflow as tf

from keras_seg.layers import ConvNorm
from keras_seg.training import (
    mirrored_strategy,
    named_targets,
    sgd,
    synchronize_batch_norm,
)


def pytorch_sgd(w, gradients, learning_rate, momentum, weight_decay):
    """`torch.optim.SGD` in a few lines."""
    velocity = 0.0
    for gradient in gradients:
        velocity = momentum * velocity + gradient + weight_decay * w
        w = w - learning_rate * velocity
    return w


def test_weight_decay_is_that_of_pytorch():
    gradients = np.sin(np.arange(400.0)) / 10
    variable = keras.Variable(5.0)
    optimizer = sgd(0.01, momentum=0.9, weight_decay=0.05)
    optimizer.build([variable])
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient, "float32")])
    expected = pytorch_sgd(5.0, gradients, 0.01, 0.9, 0.05)
    undecayed = pytorch_sgd(5.0, gradients, 0.01, 0.9, 0.0)
    decay = abs(expected - undecayed)
    # Momentum builds up in the first ten steps: 2 % of the decay.
    assert abs(float(variable) - expected) < 0.02 * decay
    # Keras's own meaning of the number would be far off.
    plain = keras.optimizers.SGD(0.01, momentum=0.9, weight_decay=0.05)
    other = keras.Variable(5.0)
    plain.build([other])
    for gradient in gradients:
        plain.apply([keras.ops.convert_to_tensor(gradient, "float32")])
    assert abs(float(other) - expected) > 0.5 * decay


def test_without_weight_decay_it_is_plain_sgd():
    assert sgd(0.1).weight_decay is None


def test_strategy_covers_all_visible_devices():
    assert mirrored_strategy().num_replicas_in_sync == 2  # the two of conftest.py


def nested_model():
    inner = keras.Sequential([keras.Input((4, 4, 3)), ConvNorm(2, 1)], name="inner")
    outer = [keras.Input((4, 4, 3)), inner, keras.layers.BatchNormalization()]
    return keras.Sequential(outer)


def test_batch_norms_are_found_in_layers_and_nested_models(two_replicas):
    with two_replicas.scope():
        model = nested_model()
        assert synchronize_batch_norm(model) == 2
    assert model.layers[-1].synchronized
    assert model.get_layer("inner").layers[-1].norm.synchronized
    assert synchronize_batch_norm(nested_model()) == 0


def test_targets_follow_the_outputs():
    inputs = keras.Input((2, 2, 3))
    logits = keras.layers.Identity()(inputs)
    bare = keras.Model(inputs, logits)
    named = keras.Model(inputs, {"segmentation": logits, "auxiliary": logits})
    data = tf.data.Dataset.from_tensors((tf.zeros((1, 2, 2, 3)), tf.ones((1, 2, 2))))
    _, labels = next(iter(data.map(named_targets(bare))))
    assert labels.shape == (1, 2, 2)
    _, labels = next(iter(data.map(named_targets(named))))
    assert sorted(labels) == ["auxiliary", "segmentation"]
    np.testing.assert_array_equal(labels["auxiliary"], np.ones((1, 2, 2)))
