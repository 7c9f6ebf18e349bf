import functools

import tensorflow as tf

from keras_seg.ops.xla import require_tensorflow


def mirrored_strategy() -> tf.distribute.MirroredStrategy:
    """Returns a `MirroredStrategy` over all visible GPUs, else over all CPU devices.

    A single device gets a strategy too, so that the same script runs on a laptop and on
    eight GPUs. `CUDA_VISIBLE_DEVICES` selects GPUs. Every call returns the same
    strategy, because TensorFlow mixes up the collectives of two in one process.

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
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices(
        "CPU"
    )
    return _strategy(tuple(device.name for device in devices))


@functools.cache
def _strategy(names):
    return tf.distribute.MirroredStrategy(names)
