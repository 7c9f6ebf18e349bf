import contextlib
import os
import platform

import tensorflow as tf

_POOL_BYTES = 2**31


def turn_off_slow_fusion() -> None:
    """Turns off TensorFlow's fused convolutions where oneDNN has been turned on.

    With the environment variable `TF_ENABLE_ONEDNN_OPTS=1`, inference with convolutions
    that are fused with their batch norms can be 20 times slower than without fusion.
    Where oneDNN is on by default, or off, nothing changes.
    """
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "1":
        tf.config.optimizer.set_experimental_options({"remapping": False})


def reserve_memory_pool() -> None:
    """Reserves 2 GiB of addresses for TensorFlow's memory pool on Linux.

    With oneDNN, TensorFlow keeps tensors in a pool of memory regions of doubling size,
    with gaps at their ends. In a single large region, training steps need less memory.
    Addresses that are not used take no memory, apart from an index of 64 MiB. Machines
    of less than 4 GiB reserve half of their memory. Without oneDNN, nothing changes.
    TensorFlow initializes its devices.
    """
    if platform.libc_ver()[0] == "glibc":
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        shape = [min(_POOL_BYTES, machine // 2) // tf.float32.size]
        refused = tf.errors.ResourceExhaustedError
        with tf.device("CPU"), contextlib.suppress(refused):
            tf.raw_ops.Empty(shape=shape, dtype=tf.float32, init=False)
