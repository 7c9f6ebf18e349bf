import json

import pytest

from keras_seg.training.worker import worker


def configure(monkeypatch, cluster, kind, index):
    task = {"type": kind, "index": index}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))


def test_one_machine(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert worker() == (0, 1)


def test_workers(monkeypatch):
    configure(monkeypatch, {"worker": ["a:1", "b:1", "c:1"]}, "worker", 2)
    assert worker() == (2, 3)


@pytest.mark.parametrize(
    ("kind", "index", "place"), [("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)]
)
def test_a_chief_beside_workers_is_the_first(monkeypatch, kind, index, place):
    cluster = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
    configure(monkeypatch, cluster, kind, index)
    assert worker() == (place, 3)


def test_other_tasks_are_refused(monkeypatch):
    configure(monkeypatch, {"worker": ["a:1"], "ps": ["b:1"]}, "worker", 0)
    with pytest.raises(ValueError, match="must consist of workers"):
        worker()
