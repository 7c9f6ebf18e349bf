"""Full disks, for which a limit on the size of files stands in."""

import contextlib
import errno

import keras
import numpy as np
import pytest
import tensorflow as tf
from matplotlib.figure import Figure

from keras_seg.command.files import save_figure
from keras_seg.data import PackedDataset, StreetScenes, pack
from keras_seg.data.write_label import write_label
from keras_seg.inference import write_evaluation, write_label_map
from keras_seg.storage.paths import as_path, temporary_folder_for
from keras_seg.storage.replacing import replacing
from keras_seg.storage.writing_errors import naming
from keras_seg.training.best_model import BestModel
from keras_seg.training.callbacks import callbacks

resource = pytest.importorskip("resource")
NOISE = np.random.default_rng(0).integers(0, 200, (50, 60), "uint8")


@contextlib.contextmanager
def full_disk(most=500):
    """Lets files of this process grow to `most` bytes only."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def save_model(path):
    best = BestModel(path, "val_mean_iou")
    best.set_model(keras.Sequential([keras.Input((3,)), keras.layers.Dense(200)]))
    best.on_epoch_end(0, {"val_mean_iou": 0.5})


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.png", lambda path: write_label_map(path, NOISE)),
        ("b.png", lambda path: write_label(path, NOISE, 200)),
        ("c.json", lambda path: write_evaluation({"iou": 1000 * [0.5]}, path)),
        ("d.png", lambda path: save_figure(Figure(), path)),
        ("best.keras", save_model),
    ],
)
def test_what_was_there_stays_and_the_error_names_the_file(tmp_path, name, write):
    path = tmp_path / name
    path.write_bytes(b"old")
    with full_disk(), pytest.raises(OSError, match=name) as caught:
        write(path)
    assert caught.value.errno == errno.EFBIG and caught.value.filename == str(path)
    assert path.read_bytes() == b"old" and [*tmp_path.iterdir()] == [path]
    write(path)
    assert path.read_bytes() != b"old" and [*tmp_path.iterdir()] == [path]


def test_a_pack_without_space_has_no_index(tmp_path):
    scenes = StreetScenes(3, (64, 96))
    with full_disk(), pytest.raises(OSError, match=r"00000\.tfrecord"):
        pack(scenes, tmp_path)
    assert not [*tmp_path.iterdir()]
    pack(scenes, tmp_path)
    assert len(PackedDataset(tmp_path)) == 3


def test_an_export_without_space_leaves_the_old_one(tmp_path):
    path = as_path(tmp_path / "1")
    path.mkdir()
    module = tf.Module()
    module.weight = tf.Variable(tf.random.normal([4000]))
    with (
        full_disk(),
        pytest.raises(OSError, match=f"Cannot write: .*'{path}'"),
        temporary_folder_for(path) as folder,
    ):
        tf.saved_model.save(module, str(folder / "model"))
    assert [*tmp_path.iterdir()] == [path]


def test_the_log_of_a_run_is_named(tmp_path):
    log = callbacks(tmp_path)[1]
    log.on_train_begin()
    with full_disk(), pytest.raises(OSError, match=r"log\.csv"):
        log.on_epoch_end(0, {str(number): number for number in range(500)})


def test_other_errors_are_as_they_were(tmp_path):
    with pytest.raises(FileNotFoundError, match="b.jpg"), replacing(tmp_path / "a"):
        open(tmp_path / "b.jpg")
    with pytest.raises(tf.errors.ResourceExhaustedError), naming("a"):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")
    assert not [*tmp_path.iterdir()]
    with pytest.raises(FileNotFoundError, match="absent/a.json"):
        write_evaluation({}, tmp_path / "absent" / "a.json")
