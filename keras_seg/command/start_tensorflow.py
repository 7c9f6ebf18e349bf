import contextlib
import logging
import os
import sys
import tempfile

import keras_seg


def start_tensorflow(verbose=False):
    """Imports TensorFlow and Keras without their log messages about devices.

    Slow fusions are turned off, and freed memory is kept; see `turn_off_slow_fusion`
    and `keep_freed_memory`.

    Args:
        verbose: bool. Whether to leave TensorFlow's log as it is.
    """
    if verbose:
        _start()
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TensorFlow logs lines about CUDA before it reads that variable.
    with _stderr_on_error():
        _start()
    import absl.logging

    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    # Setting the logger's level would not last: TensorFlow resets it to absl's
    # verbosity when it saves a model.
    absl.logging.set_verbosity(absl.logging.ERROR)


def _start():
    import tensorflow as tf

    from keras_seg.allocator import keep_freed_memory
    from keras_seg.onednn import turn_off_slow_fusion

    keep_freed_memory()
    tf.config.list_physical_devices()
    turn_off_slow_fusion()
    keras_seg._register()


@contextlib.contextmanager
def _stderr_on_error():
    """Captures the process's standard error and shows it only if an error occurs."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            sys.stderr.flush()
            kept.seek(0)
            os.write(stderr, kept.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
