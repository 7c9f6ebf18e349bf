"""Paths on other file systems; TensorFlow's file system in memory stands in for gs://."""

import pytest

from keras_seg.storage.paths import (
    as_path,
    open_file,
    put,
    remove_folder,
    temporary_folder_for,
)
from keras_seg.storage.replacing import replacing


@pytest.fixture(params=["local", "ram"])
def folder(request, tmp_path):
    return as_path(tmp_path if request.param == "local" else f"ram://{tmp_path.name}")


def test_files_are_replaced(folder):
    path = folder / "runs" / "log.csv"
    path.parent.mkdir()
    for text in ("first, which is longer", "second"):
        with replacing(path) as unfinished:
            unfinished.write_text(text)
        assert path.read_text() == text
    other = path.with_name("evaluation.json")
    other.write_text("third")
    with open_file(other, "rb") as file:
        assert file.read() == b"third"
    other.unlink()
    assert [*folder.rglob("*.csv")] == [path] and [*path.parent.iterdir()] == [path]
    path.unlink()
    path.unlink(missing_ok=True)
    assert not path.exists()


def test_folders_are_put_and_removed(folder):
    target = folder / "models" / "1"
    with temporary_folder_for(target) as temporary:
        written = temporary / "model"
        (written / "variables").mkdir(parents=True)
        (written / "saved_model.pb").write_text("graph")
        (written / "variables" / "index").write_text("weights")
        assert not target.exists()
        put(written, target)
    assert (target / "saved_model.pb").read_text() == "graph"
    assert (target / "variables" / "index").read_text() == "weights"
    assert [*target.parent.iterdir()] == [target]
    remove_folder(target)
    remove_folder(target)
    assert not target.exists()


def test_urls_without_a_host(tmp_path):
    folder = as_path(f"file://{tmp_path}")
    assert folder.exists()
    path = folder / "log.csv"
    path.write_text("loss")
    assert str(path) == f"file://{tmp_path}/log.csv"
    assert (tmp_path / "log.csv").read_text() == "loss"
    found = [*folder.iterdir(), *folder.rglob("*.csv")]
    assert found == [path, path]
    assert str(as_path("file:///data/run").parent) == "file:///data"


def test_unknown_file_systems_are_an_error():
    with pytest.raises(ValueError, match="ram://.*Received: floppy://disk/1"):
        as_path("floppy://disk/1")
