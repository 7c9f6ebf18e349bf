import functools

import tensorflow as tf

from keras_seg.ops.xla import require_tensorflow


def mirrored_strategy() -> tf.distribute.MirroredStrategy:
    """Returns a `MirroredStrategy` over all visible GPUs, else over all CPU devices.

    `CUDA_VISIBLE_DEVICES` selects GPUs. Every call returns the same strategy, because
    TensorFlow mixes up the collectives of two in one process. On a single CPU,
    `distribution_strategy` trains faster.

    Returns:
        `tf.distribute.MirroredStrategy`. Build and compile the model in its `scope()`.
        Batches are global; their size must be a multiple of the number of devices.

    Raises:
        RuntimeError: If the Keras backend is not TensorFlow. On JAX, use
            `keras.distribution.DataParallel()`.

    Example:
        ```python
        with mirrored_strategy().scope():
            model = keras_seg.models.SPNet(11, "resnet18")
            keras_seg.training.synchronize_batch_norm(model)
            model.compile("sgd", loss)
        ```
    """
    require_tensorflow("mirrored_strategy")
    find = tf.config.list_logical_devices
    return _strategy(tuple(device.name for device in find("GPU") or find("CPU")))


@functools.cache
def _strategy(names):
    return tf.distribute.MirroredStrategy(names)
