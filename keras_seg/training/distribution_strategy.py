from keras_seg.ops.xla import require_tensorflow
from keras_seg.training.end_on_error import end_on_error
from keras_seg.training.mirrored_strategy import mirrored_strategy
from keras_seg.training.multi_worker_strategy import MultiWorkerStrategy
from keras_seg.training.worker import worker


def distribution_strategy():
    """The strategy for where a script runs: one machine, or several with `TF_CONFIG`.

    The script is the same on a laptop, on eight GPUs and on four machines. On several
    machines each runs it with its own `TF_CONFIG`; the losses are those of one machine
    with the same global batch. This must come first, before TensorFlow runs anything.
    There an error that nothing catches ends the process at once, without `atexit`:
    TensorFlow might wait for ever for the machine that failed.

    Returns:
        `MultiWorkerStrategy` where `TF_CONFIG` names several machines, else
        `mirrored_strategy()`.

    Raises:
        RuntimeError: If Keras does not run on TensorFlow.

    Example: machine 0 of two, and the same with index 1 on the other:

    ```sh
    TF_CONFIG='{"cluster": {"worker": ["10.0.0.1:5000", "10.0.0.2:5000"]},
                "task": {"type": "worker", "index": 0}}' python examples/train_spnet.py
    ```
    """
    require_tensorflow("distribution_strategy")
    _, count = worker()
    if count == 1:
        return mirrored_strategy()
    end_on_error()
    return MultiWorkerStrategy()
