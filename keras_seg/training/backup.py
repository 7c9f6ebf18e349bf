import pathlib
import shutil

import keras
import numpy as np

from keras_seg._keras_private import start_at_epoch
from keras_seg.training.multi_worker_strategy import MultiWorkerStrategy
from keras_seg.training.replacing import replacing
from keras_seg.training.worker import worker


class Backup(keras.callbacks.Callback):
    """Continues a run that was killed, at any moment, after its last whole epoch.

    What `keras.callbacks.BackupAndRestore` does, but for four things. It writes the
    weights and the number of the epoch one after the other into the files that they
    replace, so that one killed in between resumes with half a file, or with the weights
    of another epoch; here an epoch is one file that appears when it is whole. It leaves
    out the states of random generators, so that dropout repeats itself; here they are
    kept, and a resumed run ends with the weights of one that was not killed. It saves
    at the end of an epoch, where callbacks that average weights have put the average
    into the model; here an epoch is saved when the next one begins, or training ends.
    And on several machines only the chief writes; the others get what it reads.

    Args:
        folder: path of a folder for this alone.
        delete: bool. Whether a finished run removes the folder.

    Raises:
        ValueError: When training begins, if the folder holds a backup of another model.

    Example: `model.fit(..., callbacks=[Backup("runs/spnet/backup")])`, after any other
    callback that changes weights or writes files.
    """

    def __init__(self, folder, delete=True):
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.delete = delete
        self.is_chief = worker()[0] == 0
        self._done = None  # the number of epochs that are to be saved

    def on_train_begin(self, logs=None):
        self._done = None
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        variables = self._variables()
        arrays = [keras.ops.convert_to_numpy(variable) for variable in variables]
        epoch = epochs_done(self.folder) if self.is_chief else 0
        if epoch:
            arrays = self._read(epoch, variables)
        strategy = getattr(self.model, "distribute_strategy", None)  # TensorFlow's
        if isinstance(strategy, MultiWorkerStrategy):
            epoch, *arrays = strategy.from_chief([np.int64(epoch), *arrays])
        if epoch:
            for variable, array in zip(variables, arrays, strict=True):
                variable.assign(array)
            start_at_epoch(self.model, int(epoch))
        if self.is_chief:
            self.folder.mkdir(parents=True, exist_ok=True)  # says: not finished

    def on_epoch_end(self, epoch, logs=None):
        self._done = epoch + 1

    def on_epoch_begin(self, epoch, logs=None):
        self._save()

    def on_train_end(self, logs=None):
        if not self.delete:
            self._save()
        elif self.is_chief:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _variables(self):
        """Weights, states of random generators, and the optimizer's."""
        return [*self.model.variables, *self.model.optimizer.variables]

    def _save(self):
        if not self.is_chief or self._done is None:
            return
        arrays = [keras.ops.convert_to_numpy(v) for v in self._variables()]
        path = self._path(self._done)
        with replacing(path) as unfinished, open(unfinished, "wb") as file:
            np.savez(file, *arrays)
        for other in _backups(self.folder).values():
            if other != path:
                other.unlink()
        self._done = None

    def _path(self, epoch):
        return self.folder / f"epoch-{epoch}.npz"

    def _read(self, epoch, variables):
        with np.load(self._path(epoch)) as stored:
            arrays = [stored[f"arr_{index}"] for index in range(len(stored))]
        shapes = [tuple(variable.shape) for variable in variables]
        if [array.shape for array in arrays] != shapes:
            raise ValueError(
                f"{self.folder} holds the backup of another model: its "
                f"{len(arrays)} variables do not have the shapes of the {len(shapes)} "
                f"of {self.model.name!r} and its optimizer. Give another folder, or "
                "remove this one to start anew."
            )
        return arrays


def epochs_done(folder, strategy=None):
    """How many epochs of an unfinished run its `Backup` in `folder` holds.

    Args:
        folder: path, which need not exist.
        strategy: the `tf.distribute.Strategy`, or None. On several machines the
            chief's folder counts.

    Returns:
        int, 0 without a backup.

    Example: `training_pipeline(..., first_epoch=epochs_done("runs/spnet/backup"))`
    """
    done = max(_backups(folder), default=0)
    if isinstance(strategy, MultiWorkerStrategy):
        done = int(strategy.from_chief([np.int64(done)])[0])
    return done


def _backups(folder):
    paths = pathlib.Path(folder).glob("epoch-*.npz")
    return {int(path.stem.removeprefix("epoch-")): path for path in paths}
