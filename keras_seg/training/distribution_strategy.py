import tensorflow as tf

from keras_seg.allocator import keep_freed_memory
from keras_seg.onednn import turn_off_slow_fusion
from keras_seg.ops.xla import require_tensorflow
from keras_seg.training.end_on_error import end_on_error
from keras_seg.training.mirrored_strategy import mirrored_strategy
from keras_seg.training.multi_worker_strategy import MultiWorkerStrategy
from keras_seg.training.worker import worker


def distribution_strategy() -> tf.distribute.Strategy:
    """Returns the strategy to train on this machine, or on several with `TF_CONFIG`.

    The same script runs on a laptop, on eight GPUs and on four machines. Each machine
    runs it with its own `TF_CONFIG`; the losses equal those of one machine with the
    same global batch. Call this first, before TensorFlow runs anything.

    On several machines, an uncaught error ends the process at once, without `atexit`,
    because TensorFlow could otherwise wait forever for the machine that failed.

    With the environment variable `TF_ENABLE_ONEDNN_OPTS=1`, which makes training faster
    on many CPUs, TensorFlow no longer fuses convolutions with their batch norms for
    inference: oneDNN's fused convolutions can be 20 times slower there.

    On Linux, the process keeps freed memory for its next arrays from here on, which
    makes input pipelines up to 1.5 times as fast.

    Returns:
        `MultiWorkerStrategy` if `TF_CONFIG` names several machines,
        `mirrored_strategy()` for GPUs and for several devices of one machine, and for a
        single CPU TensorFlow's default strategy.

    Raises:
        RuntimeError: If the Keras backend is not TensorFlow.

    Example:
        The first of two machines; the second has index 1:

        ```sh
        export TF_CONFIG='{"cluster": {"worker": ["10.0.0.1:5000", "10.0.0.2:5000"]},
                           "task": {"type": "worker", "index": 0}}'
        python examples/train_spnet.py
        ```
    """
    require_tensorflow("distribution_strategy")
    keep_freed_memory()
    turn_off_slow_fusion()
    _, count = worker()
    if count > 1:
        end_on_error()
        return MultiWorkerStrategy()
    find = tf.config.list_logical_devices
    if find("GPU") or len(find("CPU")) > 1:
        return mirrored_strategy()
    # The same results as those of a mirrored one, faster: its iterator copies each
    # batch, and a thread of it that sleeps delays the second epoch by up to a minute.
    # Not for a GPU, because Keras would compile whole steps, for each size of images.
    return tf.distribute.get_strategy()
