import keras
import tensorflow as tf

from keras_seg.training import distribution_strategy


def start(args):
    """What comes first in a training script: devices, machines and random numbers.

    Args:
        args: what `arguments(...).parse_args()` gives.

    Returns:
        The `tf.distribute.Strategy` to build the model under.
    """
    strategy = distribution_strategy()
    keras.utils.set_random_seed(args.seed)
    if args.deterministic:
        tf.config.experimental.enable_op_determinism()
    return strategy
