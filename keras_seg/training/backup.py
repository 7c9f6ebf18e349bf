import io

import keras
import numpy as np

from keras_seg._keras_private import start_at_epoch
from keras_seg.storage.paths import as_path, read_bytes, remove_folder
from keras_seg.storage.replacing import replacing
from keras_seg.training.averaged_weights import moving_averages, own_weights
from keras_seg.training.epochs_done import backups, epochs_done
from keras_seg.training.is_chief import is_chief
from keras_seg.training.multi_worker_strategy import MultiWorkerStrategy
from keras_seg.typing import PathLike


class Backup(keras.callbacks.Callback):
    """Resumes an interrupted training run after its last completed epoch.

    Differs from `keras.callbacks.BackupAndRestore` in four ways:

    - Each epoch is one file, which is written completely before it replaces the
      previous one. An interruption while saving never leaves a partial file, or weights
      and an epoch number that do not match.
    - The states of random generators are saved. A resumed run ends with the same
      weights as an uninterrupted one.
    - An epoch is saved when the next one begins or training ends, not at the end of the
      epoch, when callbacks that average weights may have replaced the weights.
    - On several machines only the chief writes; the others receive what it reads.

    Args:
        folder: path of a folder that holds nothing else, also on another file system
            such as gs://.
        delete: bool. Whether to delete the folder after training has finished.

    Raises:
        ValueError: When training begins, if the folder holds a backup of another model,
            or other files, which would be deleted with it.

    Example:
        List it after any callback that changes weights or writes files:

        `model.fit(batches, callbacks=[Backup("runs/spnet/backup")])`
    """

    def __init__(self, folder: PathLike, delete: bool = True) -> None:
        super().__init__()
        self.folder = as_path(folder)
        self.delete = delete
        self.is_chief = is_chief()
        self._done = None  # number of completed epochs to save
        self._own = ()  # unaveraged weights, if the optimizer averages them

    def on_train_begin(self, logs=None):
        self._done = None
        if self.is_chief:
            self._require_own_folder()
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        variables = self._variables()
        arrays = [_array(variable) for variable in variables]
        epoch = epochs_done(self.folder) if self.is_chief else 0
        if epoch:
            arrays = self._read(epoch, variables)
        strategy = getattr(self.model, "distribute_strategy", None)  # TensorFlow only
        if isinstance(strategy, MultiWorkerStrategy):
            epoch, *arrays = strategy.from_chief([np.int64(epoch), *arrays])
        if epoch:
            for variable, array in zip(variables, arrays, strict=True):
                variable.assign(keras.ops.cast(array, variable.dtype))
            start_at_epoch(self.model, int(epoch))
        if self.is_chief:
            self.folder.mkdir(parents=True, exist_ok=True)  # marks an unfinished run

    def on_epoch_end(self, epoch, logs=None):
        self._done = epoch + 1
        self._own = own_weights(self.model) if moving_averages(self.model) else ()

    def on_epoch_begin(self, epoch, logs=None):
        start_at_epoch(self.model, None)  # or a later `fit` would start there too
        self._save()

    def on_train_end(self, logs=None):
        start_at_epoch(self.model, None)  # also if no epoch was left
        if not self.delete:
            # Keras has replaced the weights by their averages.
            self._save(self._own)
        elif self.is_chief:
            remove_folder(self.folder)

    def _require_own_folder(self):
        for path in self.folder.glob("*"):
            if not path.name.startswith((".", "epoch-")):  # hidden, unfinished, or ours
                raise ValueError(
                    f"{self.folder} must hold nothing but the backup of a run, because "
                    f"it is deleted with it. Received: a folder that holds "
                    f"{path.name!r}. Train in another folder"
                )

    def _variables(self):
        """Returns weights, states of random generators and optimizer variables."""
        return [*self.model.variables, *self.model.optimizer.variables]

    def _save(self, own=()):
        if not self.is_chief or self._done is None:
            return
        trained = self.model.trainable_variables
        own = dict(zip(map(id, trained), own, strict=False))
        arrays = [_array(own.get(id(v), v)) for v in self._variables()]
        path = self._path(self._done)
        with replacing(path) as unfinished, open(unfinished, "wb") as file:
            np.savez(file, *arrays)
        for other in backups(self.folder).values():
            if other != path:
                other.unlink()
        self._done = None

    def _path(self, epoch):
        return self.folder / f"epoch-{epoch}.npz"

    def _read(self, epoch, variables):
        with np.load(io.BytesIO(read_bytes(self._path(epoch)))) as stored:
            arrays = [stored[f"arr_{index}"] for index in range(len(stored))]
        shapes = [tuple(variable.shape) for variable in variables]
        if [array.shape for array in arrays] != shapes:
            raise ValueError(
                f"{self.folder} holds the backup of another model: the shapes of its "
                f"{len(arrays)} variables differ from those of the {len(shapes)} "
                f"variables of {self.model.name!r} and its optimizer. Pass another "
                "folder, or delete this one to start from scratch."
            )
        return arrays


def _array(value):
    """Returns an array of a variable that files can hold, which bfloat16 cannot be."""
    array = keras.ops.convert_to_numpy(value)
    return array.astype("float32") if array.dtype.name == "bfloat16" else array
