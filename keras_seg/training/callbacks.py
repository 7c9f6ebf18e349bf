import csv
import pathlib
import shutil

import keras

from keras_seg.training.averaged_weights import AveragedWeights
from keras_seg.training.backup import Backup, epochs_done
from keras_seg.training.best_model import BestModel
from keras_seg.training.class_iou_log import ClassIoULog
from keras_seg.training.replacing import replacing
from keras_seg.training.worker import worker


def callbacks(
    folder,
    monitor="val_mean_iou",
    tensorboard=False,
    keep_backup=False,
    overwrite=False,
    class_names=None,
):
    """What a training run keeps on disk, so that it survives being killed.

    In `folder` there are then `best.keras`, the model with the highest `monitor` so
    far, or `last.keras` where there are no validation data; `log.csv`, a line an epoch;
    and while the run is unfinished `backup`, from which the same call in a new process
    continues after the last whole epoch: see `Backup`. Of several machines only the
    chief writes.

    With an optimizer that has `use_ema=True`, what is validated and saved is the moving
    average of the weights: see `AveragedWeights`.

    Args:
        folder: path; it is made if it does not exist.
        monitor: str. The name in Keras's logs to maximise.
        tensorboard: bool. Also writes event files to `folder/tensorboard`.
        keep_backup: bool. Leaves the backup of a finished run, for a script that has
            more to do and removes it then.
        overwrite: bool. Whether a finished run in `folder` may be replaced.
        class_names: sequence of str, or None. With names, the log and TensorBoard have
            the IoU of each class on the validation images: see `ClassIoULog`.

    Returns:
        list of Keras callbacks for `fit`, which raise a `ValueError` there if `folder`
        holds the unfinished run of another model.

    Raises:
        ValueError: If `folder` holds a finished run and `overwrite` is False.

    Example:

    ```python
    model.fit(train, epochs=30, validation_data=val, callbacks=callbacks("runs/spnet"))
    model = keras.saving.load_model("runs/spnet/best.keras")
    ```
    """
    folder = pathlib.Path(folder)
    require_unfinished(folder, overwrite)
    averaged = AveragedWeights()
    backup = Backup(folder / "backup", delete=not keep_backup)
    if worker()[0] > 0:
        return [averaged, backup]
    folder.mkdir(parents=True, exist_ok=True)
    log, epochs = folder / "log.csv", epochs_done(folder / "backup")
    rows = _shorten(log, epochs) if epochs else []
    found = [
        *([] if class_names is None else [ClassIoULog(class_names)]),
        averaged,  # the others save and draw what it leaves in the model
        keras.callbacks.CSVLogger(log, append=bool(epochs)),
        BestModel(folder / "best.keras", monitor, _best(rows, monitor)),
    ]
    if tensorboard:
        if not epochs:
            shutil.rmtree(folder / "tensorboard", ignore_errors=True)
        found.append(keras.callbacks.TensorBoard(folder / "tensorboard"))
    for model in ("best.keras", "last.keras") if not epochs else ():
        (folder / model).unlink(missing_ok=True)
    # Last: what the others wrote of an epoch without a backup is written once more.
    return [*found, backup]


def require_unfinished(folder, overwrite=False):
    """Refuses to replace what a finished run left.

    Args:
        folder: path of the run, which need not exist.
        overwrite: bool. Whether it may be replaced.

    Raises:
        ValueError: If the folder holds a model, and no backup of a run that goes on.
    """
    folder = pathlib.Path(folder)
    models = [folder / name for name in ("best.keras", "last.keras")]
    found = [str(model) for model in models if model.exists()]
    if found and not overwrite and not [*folder.rglob("backup")]:
        raise ValueError(
            f"{folder} holds a finished run: {', '.join(found)}. Pass another folder, "
            "or overwrite=True (--overwrite of the training scripts) to replace it."
        )


def _shorten(log, epochs):
    """The log's rows by column, without those of epochs that are to be run again."""
    if not log.exists():
        return []
    with open(log, newline="") as file:
        lines = list(csv.reader(file))[: 1 + epochs]
    with replacing(log) as unfinished, open(unfinished, "w", newline="") as file:
        csv.writer(file).writerows(lines)
    return [dict(zip(lines[0], row, strict=True)) for row in lines[1:]]


def _best(rows, monitor):
    """The highest value so far: without it, the next epoch would pass for the best."""
    values = [row[monitor] for row in rows if row.get(monitor) not in (None, "", "NA")]
    return max(map(float, values), default=None)
