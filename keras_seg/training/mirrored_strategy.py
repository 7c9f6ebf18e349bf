import tensorflow as tf

from keras_seg.ops.xla import require_tensorflow


def mirrored_strategy():
    """A `MirroredStrategy` over every visible device: all GPUs, else all CPU devices.

    One device is a strategy too, so that a script reads the same on a laptop and on
    eight GPUs. `CUDA_VISIBLE_DEVICES` chooses among GPUs.

    Returns:
        `tf.distribute.MirroredStrategy`. Build and compile the model in its `scope()`;
        batches are global, and their size must be a multiple of the devices.

    Raises:
        RuntimeError: If Keras does not run on TensorFlow. On JAX,
            `keras.distribution.DataParallel()` is the like.

    Example:

    ```python
    with mirrored_strategy().scope():
        model = keras_seg.models.SPNet(11)
        keras_seg.training.synchronize_batch_norm(model)
        model.compile(...)
    ```
    """
    require_tensorflow("mirrored_strategy")
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices(
        "CPU"
    )
    return tf.distribute.MirroredStrategy([device.name for device in devices])
