"""What depends on oneDNN, the library of TensorFlow's kernels on many CPUs."""

import os


def is_onednn_on() -> bool:
    """Returns whether TensorFlow computes with oneDNN, as on many CPUs.

    The answer may only decide between ways of computing the same: it comes from
    TensorFlow's internals, and is False where they do not tell.
    """
    try:
        from tensorflow.python.util import _pywrap_util_port

        return bool(_pywrap_util_port.IsMklEnabled())
    except (ImportError, AttributeError):
        return False


def turn_off_slow_fusion() -> None:
    """Turns off TensorFlow's fused convolutions where oneDNN has been turned on.

    With the environment variable `TF_ENABLE_ONEDNN_OPTS=1`, inference with convolutions
    that are fused with their batch norms can be 20 times slower than without fusion.
    Where oneDNN is on by default, or off, nothing changes.
    """
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "1":
        import tensorflow as tf

        tf.config.optimizer.set_experimental_options({"remapping": False})
