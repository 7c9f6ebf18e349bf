import csv
from collections.abc import Sequence

import keras

from keras_seg.storage.paths import as_path, remove_folder
from keras_seg.storage.replacing import replacing
from keras_seg.training.averaged_weights import AveragedWeights
from keras_seg.training.backup import Backup
from keras_seg.training.best_model import BestModel, is_better
from keras_seg.training.class_iou_log import ClassIoULog
from keras_seg.training.epochs_done import epochs_done
from keras_seg.training.is_chief import is_chief
from keras_seg.typing import PathLike


def callbacks(
    folder: PathLike,
    monitor: str = "val_mean_iou",
    tensorboard: bool = False,
    keep_backup: bool = False,
    overwrite: bool = False,
    class_names: Sequence[str] | None = None,
) -> list[keras.callbacks.Callback]:
    """Returns callbacks that log a run, save its best model and let it be resumed.

    They write to `folder`: `best.keras`, the model with the best `monitor` so far, or
    `last.keras` without validation data; `log.csv`, one row per epoch; and, until
    the run is finished, `backup`, from which the same call in a new process resumes
    after the last completed epoch (see `Backup`). On several machines only the chief
    writes.

    If the optimizer has `use_ema=True`, the moving average of the weights is validated
    and saved; see `AveragedWeights`.

    Args:
        folder: path, created if it does not exist, also on another file system such as
            gs://.
        monitor: str. The name in the Keras logs to maximize, or to minimize if it ends
            in "loss".
        tensorboard: bool. Whether to write event files to `folder/tensorboard`.
        keep_backup: bool. Whether to keep the backup of a finished run, for a script
            that has more to do and then deletes the backup itself.
        overwrite: bool. Whether a finished run in `folder` may be replaced.
        class_names: sequence of str, or None. With names, the log and TensorBoard also
            have the IoU of each class on the validation images; see `ClassIoULog`.

    Returns:
        list of Keras callbacks for `fit`. They raise a `ValueError` there if `folder`
        holds the unfinished run of another model.

    Raises:
        ValueError: If `folder` holds a finished run and `overwrite` is False.

    Example:
        ```python
        callbacks = keras_seg.training.callbacks("runs/hanet")
        model.fit(batches, validation_data=batches, callbacks=callbacks)
        model = keras.saving.load_model("runs/hanet/best.keras")
        ```
    """
    folder = as_path(folder)
    require_unfinished(folder, overwrite)
    averaged = AveragedWeights()
    backup = Backup(folder / "backup", delete=not keep_backup)
    # On all machines, since reading a metric adds up the counts of all of them.
    class_iou = [] if class_names is None else [ClassIoULog(class_names)]
    if not is_chief():
        return [*class_iou, averaged, backup]
    folder.mkdir(parents=True, exist_ok=True)
    log, epochs = folder / "log.csv", epochs_done(folder / "backup")
    rows = _read(log)[:epochs] if epochs else []
    found = [
        *class_iou,
        averaged,  # first, since the others save and plot the averaged weights
        _CSVLog(log, rows),
        BestModel(folder / "best.keras", monitor, _best(rows, monitor)),
    ]
    if tensorboard:
        if not epochs:
            remove_folder(folder / "tensorboard")
        found.append(keras.callbacks.TensorBoard(str(folder / "tensorboard")))
    for model in ("best.keras", "last.keras") if not epochs else ():
        (folder / model).unlink(missing_ok=True)
    # Last, so that an epoch has a backup only after the others have written it.
    return [*found, backup]


def require_unfinished(folder, overwrite=False):
    """Raises a `ValueError` if a folder holds a finished run that must not be replaced.

    Args:
        folder: path of the run; it does not have to exist.
        overwrite: bool. Whether a finished run may be replaced.

    Raises:
        ValueError: If the folder holds a model, but no backup of an unfinished run.
    """
    folder = as_path(folder)
    models = [folder / name for name in ("best.keras", "last.keras")]
    found = [str(model) for model in models if model.exists()]
    if found and not overwrite and not (folder / "backup").is_dir():
        raise ValueError(
            f"{folder} holds a finished run: {', '.join(found)}. Pass another folder, "
            "or overwrite=True (--overwrite on the command line) to replace it."
        )


class _CSVLog(keras.callbacks.Callback):
    """Writes the logs of each epoch as a row.

    `keras.callbacks.CSVLogger` fixes the columns at the first epoch of a process, which
    may not be validated, and appends rows of other columns to the log of a resumed run.

    Args:
        path: path of the file.
        rows: list of dicts, the logs of earlier epochs.
    """

    def __init__(self, path, rows):
        super().__init__()
        self.path, self.rows = path, list(rows)

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append({"epoch": epoch} | (logs or {}))
        columns = ["epoch", *sorted(set().union(*self.rows) - {"epoch"})]
        with (
            replacing(self.path) as unfinished,
            open(unfinished, "w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, columns, restval="NA")
            writer.writeheader()
            writer.writerows(self.rows)


def _read(log):
    """Returns the rows of a log as dicts."""
    if not log.exists():
        return []
    rows = csv.DictReader(log.read_text(encoding="utf-8").splitlines())
    return [{k: v for k, v in row.items() if k and v is not None} for row in rows]


def _best(rows, monitor):
    """Returns the best value so far, so that a resumed run keeps its best model."""
    best = None
    for row in rows:
        if row.get(monitor) not in (None, "", "NA"):
            value = float(row[monitor])
            best = value if is_better(monitor, value, best) else best
    return best
