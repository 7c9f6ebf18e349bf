import csv
import json
import pathlib
import shutil

import keras


def callbacks(folder, model, monitor="val_mean_iou", tensorboard=False):
    """What a training run keeps on disk, so that it survives an interruption.

    In `folder` there are then `best.keras`, the model with the highest `monitor` so
    far; `log.csv`, a line an epoch; and while the run is unfinished `backup`, from
    which the same call in a new process continues after the last whole epoch. A
    finished run leaves no backup: the next one starts anew and replaces the log.

    Args:
        folder: path; it is made if it does not exist.
        model: the compiled `keras.Model` to train.
        monitor: str. The name in Keras's logs to maximise.
        tensorboard: bool. Also writes event files to `folder/tensorboard`.

    Returns:
        list of Keras callbacks for `fit`.

    Raises:
        ValueError: If `folder` holds the unfinished run of another model.

    Example:

    ```python
    model.fit(train, epochs=30, validation_data=val,
              callbacks=callbacks("runs/spnet", model))
    model = keras.saving.load_model("runs/spnet/best.keras")
    ```
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    best, log, backup = folder / "best.keras", folder / "log.csv", folder / "backup"
    resuming = backup.exists()
    _check_same_model(folder / "variables.json", model, resuming)
    if tensorboard and not resuming:
        shutil.rmtree(folder / "tensorboard", ignore_errors=True)
    found = [
        keras.callbacks.BackupAndRestore(backup),
        keras.callbacks.CSVLogger(log, append=resuming),
        keras.callbacks.ModelCheckpoint(
            best,
            monitor=monitor,
            mode="max",
            save_best_only=True,
            # Else the first epoch after an interruption would pass for the best.
            initial_value_threshold=_best(log, monitor) if resuming else None,
        ),
    ]
    if tensorboard:
        found.append(keras.callbacks.TensorBoard(folder / "tensorboard"))
    return found


def _best(log, monitor):
    if not log.exists():
        return None
    with open(log, newline="") as file:
        found = [row.get(monitor) for row in csv.DictReader(file)]
    values = [float(value) for value in found if value not in (None, "", "NA")]
    return max(values, default=None)


def _check_same_model(path, model, resuming):
    variables = [[weight.name, list(weight.shape)] for weight in model.weights]
    if resuming and path.exists() and json.loads(path.read_text()) != variables:
        raise ValueError(
            f"{path.parent} holds an unfinished run of another model: its variables "
            f"are not those of {model.name!r}. Give another folder, or remove "
            f"{path.parent} to start anew."
        )
    path.write_text(json.dumps(variables))
