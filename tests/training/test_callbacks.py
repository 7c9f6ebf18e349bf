import csv

import keras
import numpy as np
import pytest

from keras_seg.training import BestModel, callbacks, epochs_done


class Interrupt(keras.callbacks.Callback):
    """Stops the process, as far as a test can, at the start of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt


def compiled_model(units=1):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(units, kernel_initializer="ones"),
        ]
    )
    rate = keras.optimizers.schedules.PolynomialDecay(0.1, 12, 0.0, power=0.9)
    model.compile(keras.optimizers.SGD(rate, momentum=0.9), "mse", metrics=["mae"])
    return model


def fit(model, folder, *extra):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 3)), rng.normal(size=(6, model.output_shape[-1]))
    found = callbacks(folder, monitor="val_loss")
    data = {"x": x, "y": y, "validation_data": (x, y), "batch_size": 2}
    return model.fit(
        **data, epochs=4, shuffle=False, verbose=0, callbacks=[*found, *extra]
    )


@pytest.mark.keras3("Keras 2 has no states of random generators to keep")
def test_an_interrupted_run_ends_where_an_undisturbed_one_does(tmp_path):
    undisturbed = compiled_model()
    fit(undisturbed, tmp_path / "one")
    with pytest.raises(KeyboardInterrupt):
        fit(compiled_model(), tmp_path / "two", Interrupt(2))
    resumed = compiled_model()
    history = fit(resumed, tmp_path / "two")
    assert history.epoch == [2, 3]
    for one, two in zip(undisturbed.weights, resumed.weights, strict=True):
        np.testing.assert_array_equal(one, two)
    logs = [(tmp_path / run / "log.csv").read_text() for run in ("one", "two")]
    assert logs[0] == logs[1] and len(logs[0].split()) == 5
    assert not (tmp_path / "two" / "backup").exists()


def test_the_best_before_an_interruption_is_the_one_to_beat(tmp_path):
    assert callbacks(tmp_path, "val_loss")[1].best is None
    with pytest.raises(KeyboardInterrupt):
        fit(compiled_model(), tmp_path, Interrupt(2))
    with open(tmp_path / "log.csv", newline="") as file:
        values = [float(row["val_loss"]) for row in csv.DictReader(file)]
    assert len(values) == 2
    assert callbacks(tmp_path, "val_loss")[1].best == max(values)


@pytest.mark.parametrize("monitor", ["val_accuracy", "accuracy"])
def test_a_metric_that_is_not_there_is_an_error(monitor, tmp_path):
    """Keras would save each epoch's model as the best one, and warn."""
    best = BestModel(tmp_path / "best.keras", monitor)
    with pytest.raises(ValueError, match=f"'{monitor}', and there are loss, val_loss"):
        best.on_epoch_end(0, {"loss": 1.0, "val_loss": 1.0})
    validated = BestModel(tmp_path / "best.keras", "val_accuracy")
    validated.on_epoch_end(0, {"loss": 1.0})  # an epoch without validation


@pytest.mark.keras3("Keras 2 has no states of random generators to keep")
def test_an_epoch_without_a_backup_leaves_no_line(tmp_path):
    """It was killed after it had written the log, and before the backup."""
    undisturbed = tmp_path / "one"
    fit(compiled_model(), undisturbed)
    folder = tmp_path / "two"
    with pytest.raises(KeyboardInterrupt):
        fit(compiled_model(), folder, Interrupt(2))
    with open(folder / "log.csv", "a") as log:
        log.write("2,9.0,9.0")  # cut short
    assert fit(compiled_model(), folder).epoch == [2, 3]
    assert (folder / "log.csv").read_text() == (undisturbed / "log.csv").read_text()


def test_what_is_half_written_is_never_read(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(compiled_model(), tmp_path, Interrupt(2))
    backup = tmp_path / "backup"
    assert [path.name for path in backup.iterdir()] == ["epoch-2.npz"]
    (backup / ".unfinished-epoch-3.npz").write_bytes(b"PK")
    (tmp_path / ".unfinished-best.keras").write_bytes(b"PK")
    assert epochs_done(backup) == 2
    assert fit(compiled_model(), tmp_path).epoch == [2, 3]


def test_a_finished_run_can_keep_its_backup(tmp_path):
    model = compiled_model()
    x, y = np.ones((2, 3)), np.ones((2, 1))
    for kept in (True, False):
        found = callbacks(tmp_path, "loss", keep_backup=kept)
        history = model.fit(x, y, epochs=3, verbose=0, callbacks=found)
        assert (tmp_path / "backup").exists() == kept
    assert history.epoch == []  # nothing was left to do


def test_a_finished_run_is_followed_by_a_new_one(tmp_path):
    fit(compiled_model(), tmp_path)
    assert fit(compiled_model(), tmp_path).epoch == [0, 1, 2, 3]
    assert len((tmp_path / "log.csv").read_text().split()) == 5


def test_the_unfinished_run_of_another_model_is_refused(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(compiled_model(), tmp_path, Interrupt(2))
    with pytest.raises(ValueError, match="backup of another model"):
        fit(compiled_model(units=2), tmp_path)


def test_tensorboard_on_request(tmp_path):
    pytest.importorskip("tensorboard")
    model = compiled_model()
    found = callbacks(tmp_path, monitor="val_loss", tensorboard=True)
    x, y = np.ones((2, 3)), np.ones((2, 1))
    model.fit(x, y, validation_data=(x, y), verbose=0, callbacks=found)
    assert list((tmp_path / "tensorboard").rglob("events*"))
