import tensorflow as tf

from keras_seg._keras_private import draws_to_build
from keras_seg.training.multi_worker_strategy import MultiWorkerStrategy
from keras_seg.training.worker import worker


def distribute_batches(
    batches: tf.data.Dataset, strategy: tf.distribute.Strategy
) -> tf.data.Dataset | tf.distribute.DistributedDataset:
    """Returns batches for `fit` and `evaluate` under a distribution strategy.

    Args:
        batches: `tf.data.Dataset` of batches of one size. On several machines, these
            are this machine's parts of the global batches, as the pipelines of
            `keras_seg.data` return them with `shard`.
        strategy: `tf.distribute.Strategy` that the model trains under.

    Returns:
        `batches` itself on one machine, where Keras divides it among the devices; a
        distributed dataset on several machines. On a single device one batch is drawn
        first, as Keras does on several, so that the numbers of the epochs agree.

    Raises:
        ValueError: If a batch cannot be divided evenly among the devices. Keras would
            fail later, inside a convolution.

    Example:
        ```python
        strategy = distribution_strategy()
        batches = training_pipeline(train, 8, shard=worker())
        batches = batches.map(named_targets(model))
        model.fit(distribute_batches(batches, strategy))
        ```
    """
    machines = worker()[1] if isinstance(strategy, MultiWorkerStrategy) else 1
    devices = strategy.num_replicas_in_sync // machines
    size = tf.nest.flatten(batches.element_spec)[0].shape[0]
    if size is None or size % devices:
        raise ValueError(
            "Batches must have one size, a multiple of the devices of a machine. "
            f"Received: batches of {size} for {devices} devices. Pass another "
            "batch_size, or train on fewer devices (CUDA_VISIBLE_DEVICES)."
        )
    if not isinstance(strategy, MultiWorkerStrategy):
        if devices == 1:
            _begin_epoch(batches, strategy)
        return batches
    steps = len(batches) * devices
    if devices > 1:
        batches = batches.rebatch(size // devices)
        batches = batches.apply(tf.data.experimental.assert_cardinality(steps))
    return strategy.distribute_datasets_from_function(lambda context: batches)


def _begin_epoch(batches, strategy):
    """Draws a batch of the first epoch, as Keras 3 does under other strategies.

    It builds the model with it. Otherwise the epochs, which `training_pipeline` counts,
    would differ between one device and several.
    """
    with strategy.scope():
        is_default = not tf.distribute.has_strategy()
    if is_default and draws_to_build():
        next(iter(batches))
