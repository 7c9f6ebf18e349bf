import keras
import tensorflow as tf

from keras_seg.training import distribution_strategy
from keras_seg.training.callbacks import require_unfinished


def start(args):
    """What comes first in a training script: devices, machines and random numbers.

    Args:
        args: what `arguments(...).parse_args()` gives.

    Returns:
        The `tf.distribute.Strategy` to build the model under.

    Raises:
        SystemExit: If the folder of the run holds a finished one.
    """
    try:
        require_unfinished(args.output, args.overwrite)
    except ValueError as error:
        raise SystemExit(str(error)) from None
    strategy = distribution_strategy()
    keras.utils.set_random_seed(args.seed)
    if args.deterministic:
        tf.config.experimental.enable_op_determinism()
    return strategy
