import os

import tensorflow as tf


def turn_off_slow_fusion() -> None:
    """Turns off TensorFlow's fused convolutions where oneDNN has been turned on.

    With the environment variable `TF_ENABLE_ONEDNN_OPTS=1`, inference with convolutions
    that are fused with their batch norms can be 20 times slower than without fusion.
    Where oneDNN is on by default, or off, nothing changes.
    """
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "1":
        tf.config.optimizer.set_experimental_options({"remapping": False})
