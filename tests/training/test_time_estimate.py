import pytest

from keras_seg.training import TimeEstimate


@pytest.fixture
def clock(monkeypatch):
    """A clock of our own: the function that sets it."""
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])

    def wait(seconds):
        now[0] += seconds

    return wait


def run(estimate, wait, epochs, steps, seconds, first=0):
    estimate.set_params({"epochs": epochs, "steps": steps})
    for epoch in range(first, epochs):
        estimate.on_epoch_begin(epoch)
        for step in range(steps):
            wait(seconds(epoch, step))
            estimate.on_train_batch_end(step)
        wait(1000)  # for validation


def test_the_first_steps_do_not_count(clock):
    lines = []
    seconds = lambda epoch, step: 60 if step < 2 else 0.5  # noqa: E731
    run(TimeEstimate(lines.append), clock, 3, 20, seconds)
    assert lines == ["\n0.50 s a step: about 0:00:30 for 60 steps"]


def test_a_run_that_goes_on_has_fewer_steps_left(clock):
    lines = []
    run(TimeEstimate(lines.append), clock, 40, 91, lambda *_: 2.0, first=38)
    assert lines == ["\n2.00 s a step: about 0:06:04 for 182 steps"]


def test_several_steps_in_one_execution(clock):
    lines = []
    estimate = TimeEstimate(lines.append)
    estimate.set_params({"epochs": 2, "steps": 50})
    estimate.on_epoch_begin(0)
    for last in range(3, 50, 4):  # as with `steps_per_execution=4`
        clock(8.0)
        estimate.on_train_batch_end(last)
    assert lines == ["\n2.00 s a step: about 0:03:20 for 100 steps"]


@pytest.mark.parametrize("steps", [3, 5])
def test_short_epochs(clock, steps):
    lines = []
    run(TimeEstimate(lines.append), clock, 2, steps, lambda *_: 1.0)
    assert len(lines) == 1 and lines[0].startswith("\n1.00 s a step")


@pytest.mark.parametrize("steps", [1, 2])
def test_epochs_too_short_to_tell(clock, steps):
    lines = []
    run(TimeEstimate(lines.append), clock, 2, steps, lambda *_: 1.0)
    assert lines == []
