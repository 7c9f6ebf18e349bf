import contextlib
import csv
import types

import keras
import numpy as np
import pytest

from keras_seg.storage.paths import as_path
from keras_seg.training import (
    SGD,
    AdamW,
    AveragedWeights,
    Backup,
    BestModel,
    callbacks,
    epochs_done,
)


class Interrupt(keras.callbacks.Callback):
    """Stops the process, as far as a test can, at the start of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt


def compiled_model(units=1, optimizer=keras.optimizers.SGD, **options):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(units, kernel_initializer="ones"),
        ]
    )
    rate = keras.optimizers.schedules.PolynomialDecay(0.1, 12, 0.0, power=0.9)
    options = {"momentum": 0.9} | options if optimizer is not AdamW else options
    model.compile(optimizer(rate, **options), "mse", metrics=["mae"])
    return model


def samples(model):
    rng = np.random.default_rng(0)
    return rng.normal(size=(6, 3)), rng.normal(size=(6, model.output_shape[-1]))


def fit(model, folder, *extra, epochs=4, **options):
    x, y = samples(model)
    found = callbacks(folder, monitor="val_loss", **options)
    data = {"x": x, "y": y, "validation_data": (x, y), "batch_size": 2}
    return model.fit(
        **data, epochs=epochs, shuffle=False, verbose=0, callbacks=[*found, *extra]
    )


@pytest.mark.keras3("Keras 2 writes .keras files to local disks only")
def test_runs_on_other_file_systems(tmp_path):
    """TensorFlow's file system in memory stands in for gs://."""
    remote = as_path(f"ram://{tmp_path.name}/run")
    for folder in (tmp_path, remote):
        with pytest.raises(KeyboardInterrupt):
            fit(compiled_model(), str(folder), Interrupt(2))
        assert epochs_done(folder / "backup") == 2
        fit(compiled_model(), str(folder), tensorboard=True)
        assert {"log.csv", "best.keras", "tensorboard"} == {
            path.name for path in folder.iterdir()
        }
    assert (remote / "log.csv").read_bytes() == (tmp_path / "log.csv").read_bytes()
    best, local = (
        keras.saving.load_model(str(folder / "best.keras"))
        for folder in (remote, tmp_path)
    )
    for one, other in zip(best.get_weights(), local.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="holds a finished run: ram://"):
        callbacks(remote)


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


def best_of(found):
    return next(callback for callback in found if isinstance(callback, BestModel))


def test_the_best_before_an_interruption_is_the_one_to_beat(tmp_path):
    assert best_of(callbacks(tmp_path, "val_loss")).best is None
    with pytest.raises(KeyboardInterrupt):
        fit(compiled_model(), tmp_path, Interrupt(2))
    with open(tmp_path / "log.csv", newline="") as file:
        values = [float(row["val_loss"]) for row in csv.DictReader(file)]
    assert len(values) == 2
    assert best_of(callbacks(tmp_path, "val_loss")).best == min(values)


@pytest.mark.parametrize(
    ("monitor", "kept"), [("val_mean_iou", [0.3, 0.5]), ("val_loss", [0.3, 0.2])]
)
def test_metrics_are_maximized_and_losses_minimized(monitor, kept, tmp_path):
    path = tmp_path / "best.keras"
    best, found = BestModel(path, monitor), []
    best.set_model(types.SimpleNamespace(save=lambda file: file.write_text("")))
    for epoch, value in enumerate([0.3, float("nan"), 0.5, 0.2, 0.5, 0.2]):
        best.on_epoch_end(epoch, {monitor: value})
        if path.exists():
            found.append(value)
            path.unlink()
    assert found == kept


@pytest.mark.parametrize("monitor", ["val_accuracy", "accuracy"])
def test_a_metric_that_is_not_there_is_an_error(monitor, tmp_path):
    """Keras would save each epoch's model as the best one, and warn."""
    best = BestModel(tmp_path / "best.keras", monitor)
    with pytest.raises(ValueError, match=f"'{monitor}'; the logs hold loss, val_loss"):
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


def test_validated_and_other_epochs_have_the_same_columns(tmp_path):
    """Also in the log of a run that is resumed at any of them."""
    validated = {"loss": 1.0, "val_iou_a": 0.5, "val_loss": 2.0}
    for epochs in (range(2), range(2, 3), range(3, 4)):
        log = callbacks(tmp_path, "val_loss", class_names=["a"])[2]
        for epoch in epochs:
            log.on_epoch_end(epoch, validated if epoch == 2 else {"loss": 1.0})
        (tmp_path / "backup").mkdir(exist_ok=True)
        (tmp_path / "backup" / f"epoch-{epochs.stop}.npz").write_bytes(b"")
    with open(tmp_path / "log.csv", newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["epoch", "loss", "val_iou_a", "val_loss"]
    no = ["1.0", "NA", "NA"]
    assert rows == [["0", *no], ["1", *no], ["2", "1.0", "0.5", "2.0"], ["3", *no]]


def test_a_folder_of_others_is_no_backup(tmp_path):
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "thesis.txt").write_text("years")
    with pytest.raises(ValueError, match="nothing but the backup.*'thesis.txt'"):
        fit(compiled_model(), tmp_path)
    assert (tmp_path / "backup" / "thesis.txt").exists()


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


@pytest.mark.parametrize("validated", [True, False])
def test_a_finished_run_is_replaced_on_request_alone(validated, tmp_path):
    model = compiled_model()
    x, y = samples(model)
    data = {"validation_data": (x, y)} if validated else {}
    found = callbacks(tmp_path, "val_loss")
    model.fit(x, y, verbose=0, callbacks=found, **data)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match="holds a finished run.*or overwrite=True"):
        callbacks(tmp_path, "val_loss")
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    history = fit(compiled_model(), tmp_path, overwrite=True)
    assert history.epoch == [0, 1, 2, 3]
    assert len((tmp_path / "log.csv").read_text().split()) == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.keras", "log.csv"]


def test_a_run_that_was_killed_before_its_first_backup_starts_again(tmp_path):
    """Its best model may be there already."""
    with pytest.raises(KeyboardInterrupt):
        fit(compiled_model(), tmp_path, Interrupt(0))
    (tmp_path / "best.keras").write_bytes(b"")
    assert fit(compiled_model(), tmp_path).epoch == [0, 1, 2, 3]


def test_without_validation_the_last_model_is_kept(tmp_path, capsys):
    model = compiled_model()
    x, y = samples(model)
    model.fit(x, y, epochs=2, verbose=0, callbacks=callbacks(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.keras", "log.csv"]
    last = keras.saving.load_model(tmp_path / "last.keras")
    np.testing.assert_array_equal(last.predict(x), model.predict(x))
    assert f"That of the last epoch is {tmp_path / 'last.keras'}" in (
        capsys.readouterr().out
    )


def test_a_value_that_is_nan_is_never_the_best(tmp_path):
    best = BestModel(tmp_path / "best.keras", "val_mean_iou")
    best.set_model(compiled_model())
    best.on_epoch_end(0, {"val_mean_iou": float("nan")})
    assert best.best is None and not (tmp_path / "best.keras").exists()
    for value in (0.5, float("nan"), 0.25):
        best.on_epoch_end(0, {"val_mean_iou": value})
    assert best.best == 0.5 and (tmp_path / "best.keras").exists()
    (tmp_path / "log.csv").write_text("epoch,val_loss\n0,nan\n1,0.6\n2,nan\n")
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "epoch-3.npz").write_bytes(b"")
    assert best_of(callbacks(tmp_path, "val_loss")).best == 0.6


class Averages(keras.callbacks.Callback):
    """The moving average of the weights, worked out beside the optimizer."""

    def __init__(self, momentum):
        super().__init__()
        self.momentum, self.average, self.by_epoch = momentum, None, []

    def on_train_batch_end(self, batch, logs=None):
        weights = self.model.get_weights()
        old = weights if self.average is None else self.average
        self.average = [
            self.momentum * a + (1 - self.momentum) * w
            for a, w in zip(old, weights, strict=True)
        ]

    def on_epoch_end(self, epoch, logs=None):
        self.by_epoch.append(self.average)


AVERAGED = {"use_ema": True, "ema_momentum": 0.75}


@pytest.mark.keras3("Keras 2 begins its moving averages with the initial weights")
@pytest.mark.parametrize("optimizer", [keras.optimizers.SGD, SGD, AdamW])
def test_averaged_weights_are_validated_and_kept(optimizer, tmp_path):
    model = compiled_model(optimizer=optimizer, **AVERAGED)
    averages = Averages(0.75)
    history = fit(model, tmp_path, averages).history
    best = keras.saving.load_model(tmp_path / "best.keras")
    epoch = int(np.argmin(history["val_loss"]))
    for weight, average in zip(
        best.get_weights(), averages.by_epoch[epoch], strict=True
    ):
        np.testing.assert_allclose(weight, average, rtol=1e-5, atol=1e-6)
    found = best.evaluate(*samples(model), verbose=0)
    np.testing.assert_allclose(found[0], min(history["val_loss"]), rtol=1e-5)
    for weight, average in zip(model.get_weights(), averages.average, strict=True):
        np.testing.assert_allclose(weight, average, rtol=1e-5, atol=1e-6)


@pytest.mark.keras3("Keras 2 has no states of random generators to keep")
def test_an_interrupted_run_with_averaged_weights_ends_like_an_undisturbed_one(
    tmp_path,
):
    undisturbed = compiled_model(**AVERAGED)
    fit(undisturbed, tmp_path / "one")
    with pytest.raises(KeyboardInterrupt):
        fit(compiled_model(**AVERAGED), tmp_path / "two", Interrupt(2))
    resumed = compiled_model(**AVERAGED)
    assert fit(resumed, tmp_path / "two").epoch == [2, 3]
    for one, two in zip(
        [*undisturbed.weights, *undisturbed.optimizer.variables],
        [*resumed.weights, *resumed.optimizer.variables],
        strict=True,
    ):
        np.testing.assert_array_equal(one, two)
    logs = [(tmp_path / run / "log.csv").read_text() for run in ("one", "two")]
    assert logs[0] == logs[1]


def test_a_later_fit_of_a_resumed_model_starts_at_its_own_epoch(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(compiled_model(), tmp_path, Interrupt(3))
    resumed = compiled_model()
    assert fit(resumed, tmp_path).epoch == [3]
    assert resumed.fit(*samples(resumed), epochs=2, verbose=0).epoch == [0, 1]


def test_a_later_fit_of_a_finished_model_starts_at_its_own_epoch(tmp_path):
    fit(compiled_model(), tmp_path, keep_backup=True)
    finished = compiled_model()
    assert fit(finished, tmp_path, keep_backup=True).epoch == []
    assert finished.fit(*samples(finished), epochs=2, verbose=0).epoch == [0, 1]


@pytest.mark.keras3("Keras 2 has no states of random generators to keep")
def test_a_run_with_averaged_weights_continues_with_more_epochs(tmp_path):
    """At the end of training, Keras leaves the averages in the model."""
    whole = compiled_model(**AVERAGED)
    fit(whole, tmp_path / "one")
    fit(compiled_model(**AVERAGED), tmp_path / "two", epochs=2, keep_backup=True)
    continued = compiled_model(**AVERAGED)
    assert fit(continued, tmp_path / "two").epoch == [2, 3]
    for one, two in zip(whole.weights, continued.weights, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.keras3("Keras 2 has no policy of this name")
def test_weights_in_bfloat16_continue(tmp_path):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("bfloat16")
    try:
        whole = compiled_model()
        fit(whole, tmp_path / "one")
        with pytest.raises(KeyboardInterrupt):
            fit(compiled_model(), tmp_path / "two", Interrupt(2))
        resumed = compiled_model()
        fit(resumed, tmp_path / "two")
    finally:
        keras.config.set_dtype_policy(before)
    for one, two in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.keras3("Keras 2 has no SwapEMAWeights")
def test_kerass_callback_for_averages_may_stand_before_ours(tmp_path):
    """The backup has the weights of training, whoever exchanged them meanwhile."""
    ends = []
    for interruption in ([], [Interrupt(2)]):
        folder = tmp_path / str(len(interruption))
        for extra in (interruption, [])[: 1 + len(interruption)]:
            model = compiled_model(**AVERAGED)
            x, y = samples(model)
            found = [
                keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
                BestModel(folder / "best.keras", "val_loss"),
                Backup(folder / "backup", delete=False),
                *extra,
            ]
            folder.mkdir(exist_ok=True)
            with contextlib.suppress(KeyboardInterrupt):
                model.fit(
                    x,
                    y,
                    batch_size=2,
                    epochs=4,
                    validation_data=(x, y),
                    shuffle=False,
                    verbose=0,
                    callbacks=found,
                )
        ends.append(model.get_weights())
    for one, two in zip(*ends, strict=True):
        np.testing.assert_array_equal(one, two)


def test_weights_loaded_after_an_interruption_are_trained():
    class Stop(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    class First(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if not batch:
                self.weights = self.model.get_weights()

    model = compiled_model(**AVERAGED)
    x, y = samples(model)
    with pytest.raises(KeyboardInterrupt):
        model.fit(
            x,
            y,
            validation_data=(x, y),
            verbose=0,
            callbacks=[AveragedWeights(), Stop()],
        )
    loaded = [np.full_like(weight, 7) for weight in model.get_weights()]
    model.set_weights(loaded)
    first = First()
    model.fit(x, y, verbose=0, callbacks=[AveragedWeights(), first])
    for weight, expected in zip(first.weights, loaded, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_averaged_weights_need_an_optimizer_that_keeps_them():
    model = compiled_model()
    before = model.get_weights()
    model.evaluate(*samples(model), verbose=0, callbacks=[AveragedWeights()])
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    # Before the first step there is no average either: Keras 3's is 0.
    averaged = compiled_model(**AVERAGED)
    loss = averaged.evaluate(*samples(model), verbose=0, callbacks=[AveragedWeights()])
    np.testing.assert_allclose(loss[0], model.evaluate(*samples(model), verbose=0)[0])


@pytest.mark.keras3("Keras 2 begins its moving averages with the initial weights")
def test_replicas_average_like_one_device(two_replicas, tmp_path):
    models = []
    for name, scope in (
        ("one", contextlib.nullcontext()),
        ("two", two_replicas.scope()),
    ):
        with scope:
            model = compiled_model(optimizer=SGD, **AVERAGED)
            model.layers[0].rate = 0.0
        fit(model, tmp_path / name)
        models.append(keras.saving.load_model(tmp_path / name / "best.keras"))
    for one, two in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


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
