import tensorflow as tf

from keras_seg.training.multi_worker_strategy import MultiWorkerStrategy


def distribute_batches(batches, strategy):
    """The batches to fit and evaluate with under a strategy, checked beforehand.

    Args:
        batches: `tf.data.Dataset` of batches that are all of one size; on several
            machines, of this one's parts of the global batches, as the pipelines of
            `keras_seg.data` give them with `shard`.
        strategy: the `tf.distribute.Strategy` that a model trains under.

    Returns:
        `batches` themselves on one machine, which Keras divides among its devices; on
        several the `tf.distribute` data set of all parts.

    Raises:
        ValueError: If a batch cannot be divided among the devices: Keras fails there
            with an error from within a convolution.

    Example:

    ```python
    strategy = distribution_strategy()
    batches = training_pipeline(dataset, 16, shard=worker())
    model.fit(distribute_batches(batches.map(named_targets(model)), strategy))
    ```
    """
    devices = len(strategy.extended.worker_devices)  # of this machine
    size = tf.nest.flatten(batches.element_spec)[0].shape[0]
    if size is None or size % devices:
        raise ValueError(
            "Batches must be of one size, a multiple of the devices of a machine. "
            f"Received: batches of {size} for {devices} devices. Pass another "
            "batch_size, or train on fewer devices (CUDA_VISIBLE_DEVICES)."
        )
    if not isinstance(strategy, MultiWorkerStrategy):
        return batches
    steps = len(batches) * devices
    if devices > 1:
        batches = batches.rebatch(size // devices)
        batches = batches.apply(tf.data.experimental.assert_cardinality(steps))
    return strategy.distribute_datasets_from_function(lambda context: batches)
