import numpy as np
import tensorflow as tf

from keras_seg.storage.paths import as_path
from keras_seg.training.multi_worker_strategy import MultiWorkerStrategy
from keras_seg.typing import PathLike


def epochs_done(
    folder: PathLike, strategy: tf.distribute.Strategy | None = None
) -> int:
    """Returns the number of completed epochs in the backup of an unfinished run.

    Args:
        folder: path of the folder of `Backup`; it does not have to exist.
        strategy: `tf.distribute.Strategy`, or None. On several machines, the folder of
            the chief is read.

    Returns:
        int, 0 without a backup.

    Example:
        A resumed run continues with the batches of its first epoch that is not
        completed:

        ```python
        first_epoch = epochs_done("runs/spnet/backup")
        batches = training_pipeline(train, 8, first_epoch=first_epoch)
        ```
    """
    done = max(backups(folder), default=0)
    if isinstance(strategy, MultiWorkerStrategy):
        done = int(strategy.from_chief([np.array(done, "int64")])[0])
    return done


def backups(folder):
    """Returns the files of a backup by their numbers of completed epochs."""
    paths = as_path(folder).glob("epoch-*.npz")
    return {int(path.stem.removeprefix("epoch-")): path for path in paths}
