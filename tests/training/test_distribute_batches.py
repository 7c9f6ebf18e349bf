import keras
import pytest
import tensorflow as tf

from keras_seg.training import distribute_batches


def test_batches_that_divide_stay_what_they_are(two_replicas):
    batches = tf.data.Dataset.range(8).batch(4, drop_remainder=True)
    assert distribute_batches(batches, two_replicas) is batches


def test_a_single_device_takes_batches_of_any_size():
    batches = tf.data.Dataset.range(9).batch(3, drop_remainder=True)
    assert distribute_batches(batches, tf.distribute.get_strategy()) is batches


@pytest.mark.parametrize("whole", [True, False])
def test_batches_that_do_not_divide_are_refused(two_replicas, whole):
    """Keras fails on them from within a convolution, or in its symbolic build."""
    batches = tf.data.Dataset.range(7).batch(7 if whole else 4, drop_remainder=whole)
    with pytest.raises(ValueError, match="a multiple of the devices"):
        distribute_batches(batches, two_replicas)


def test_one_device_draws_the_epochs_of_several(two_replicas):
    """The samples of an epoch depend on its number."""

    def losses(strategy):
        drawn = []

        def draw():
            drawn.append(None)
            yield from [[float(len(drawn))]] * 4

        batches = tf.data.Dataset.from_generator(
            draw, output_signature=tf.TensorSpec((1,), tf.float32)
        )
        batches = batches.apply(tf.data.experimental.assert_cardinality(4))
        batches = batches.map(lambda x: (x, x)).batch(2, drop_remainder=True)
        with strategy.scope():
            zeros = keras.layers.Dense(1, kernel_initializer="zeros")
            model = keras.Sequential([keras.Input((1,)), zeros])
            model.compile(keras.optimizers.SGD(0.0), "mae")
        batches = distribute_batches(batches, strategy)
        return model.fit(batches, epochs=2, verbose=0, shuffle=False).history["loss"]

    assert losses(tf.distribute.get_strategy()) == losses(two_replicas)
