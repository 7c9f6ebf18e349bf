"""Several processes on loopback stand in for several machines."""

import time

import keras
import numpy as np
import pytest

from tests.scale.networks import NETWORKS
from tests.scale.processes import FLOAT64, SECONDS, results, start

pytestmark = [
    pytest.mark.slow,
    pytest.mark.keras3("several machines, for which Keras 2 wants numbers of steps"),
]


def check_histories(found, expected):
    """Each process has the losses and metrics of one machine, epoch by epoch."""
    for history in found:
        assert len(history) == len(expected)
        for epoch, wanted in zip(history, expected, strict=True):
            assert epoch.keys() == wanted.keys()
            for name, value in wanted.items():
                np.testing.assert_allclose(epoch[name], value, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("network", NETWORKS)
def test_two_machines_train_as_one(network, tmp_path, matrix):
    one, two = (
        results(
            start(network, *FLOAT64, "--folder", tmp_path / str(count), workers=count)
        )
        for count in (1, 2)
    )
    check_histories(two, *one)
    assert one[0][0]["loss"] != one[0][1]["loss"]
    logs = [(tmp_path / run / "log.csv").read_text().splitlines() for run in ("1", "2")]
    assert logs[0][0] == logs[1][0] and len(logs[0]) == len(logs[1]) == 4
    # The chief's alone; a finished run leaves no backup.
    names = sorted(path.name for path in (tmp_path / "2").iterdir())
    assert names == ["best.keras", "log.csv"]
    matrix(network, "2 workers")


def test_three_machines_where_some_have_no_image_left(tmp_path):
    """24 images to validate on, 18 at once: the second time, only the first has any."""
    one, three = (
        results(
            start("SPNet", *FLOAT64, "--folder", tmp_path / str(count), workers=count)
        )
        for count in (1, 3)
    )
    check_histories(three, *one)


@pytest.mark.parametrize("victim", [0, 1])
def test_killed_and_started_again_it_ends_as_an_undisturbed_run(victim, tmp_path):
    def run(name, **kwargs):
        folder = tmp_path / name
        return start(
            "DeepLabV3Plus", "--epochs", 4, "--folder", folder, workers=2, **kwargs
        )

    undisturbed = results(run("undisturbed"))
    processes = run("killed")
    wait_for(tmp_path / "killed" / "backup" / "epoch-1.npz")
    processes[victim].kill()
    other = processes[1 - victim]
    # It cannot go on alone, and does not hang.
    other.communicate(timeout=SECONDS)
    assert other.returncode != 0
    resumed = results(run("killed"))
    assert 1 <= len(resumed[0]) <= 3
    for history, whole in zip(resumed, undisturbed, strict=True):
        assert history == whole[-len(history) :]
    logs = [
        (tmp_path / name / "log.csv").read_text() for name in ("undisturbed", "killed")
    ]
    assert logs[0] == logs[1]
    one, two = (
        keras.saving.load_model(tmp_path / name / "best.keras", compile=False)
        for name in ("undisturbed", "killed")
    )
    for a, b in zip(one.weights, two.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def wait_for(path):
    for _ in range(10 * SECONDS):
        if path.exists():
            return
        time.sleep(0.1)
    raise TimeoutError(f"{path} did not appear within {SECONDS} s")
