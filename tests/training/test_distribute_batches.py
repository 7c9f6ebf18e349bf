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
