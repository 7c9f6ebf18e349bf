import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seg.losses import OutputLoss


def test_is_the_mean_of_the_output_whatever_the_target():
    for target in (np.zeros(3), np.full((3, 4, 4), 255), None):
        assert float(OutputLoss()(target, np.array([1.0, 2.0, 6.0]))) == 3
    assert float(OutputLoss()(None, np.float32(2.5))) == 2.5


@pytest.mark.parametrize("shape", [(2,), (2, 1), (2, 3), (2, 3, 4)])
def test_images_count_by_their_weights(shape):
    loss, weights = OutputLoss(), np.array([1.0, 2.0])
    assert float(loss(0, np.ones(shape), weights)) == 1.5
    each = np.broadcast_to(weights.reshape(2, *[1] * (len(shape) - 1)), shape)
    assert float(loss(0, np.ones(shape), each)) == 1.5
    assert float(loss(0, np.ones(shape), 3.0)) == 3


def test_a_single_loss_may_have_a_weight():
    assert float(OutputLoss()(0, np.float32(2.5), 2.0)) == 5


@pytest.mark.parametrize("shape", [(3,), (2, 2), (2, 3, 2)])
def test_rejects_weights_of_another_shape(shape):
    with pytest.raises(ValueError, match="`sample_weight` must be one weight per im"):
        OutputLoss()(0, np.ones(2), np.ones(shape))


def test_two_replicas_train_as_one_device(two_replicas):
    x = np.arange(8, dtype="float32").reshape(4, 2)
    results = []
    for strategy in (tf.distribute.get_strategy(), two_replicas):
        with strategy.scope():
            inputs = keras.Input((2,))
            layer = keras.layers.Dense(1, kernel_initializer="ones")
            output = keras.layers.Reshape(())(layer(inputs))
            model = keras.Model(inputs, {"distance": output})
            model.compile(keras.optimizers.SGD(0.1), {"distance": OutputLoss()})
        data = tf.data.Dataset.from_tensor_slices((x, {"distance": np.zeros(4)}))
        history = model.fit(data.batch(4), verbose=0, shuffle=False).history["loss"]
        results.append([*history, *layer.get_weights()])
    assert results[0][0] == 7  # the mean of 1, 5, 9, 13
    for one, two in zip(*results, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6)


def test_config_round_trip():
    config = keras.saving.serialize_keras_object(OutputLoss(name="loss"))
    assert keras.saving.deserialize_keras_object(config).name == "loss"
