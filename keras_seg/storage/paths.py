"""Paths on local disks and on TensorFlow's file systems (gs://, ...)."""

import contextlib
import os
import pathlib
import shutil
import tempfile

import tensorflow as tf

from keras_seg.local_path import local_path
from keras_seg.storage.remote_path import RemotePath, remote_path
from keras_seg.storage.writing_errors import naming
from keras_seg.typing import PathLike


def as_path(path: PathLike) -> pathlib.Path:
    """Returns a `pathlib.Path`, or a `RemotePath` if the path names a file system.

    Raises:
        ValueError: If TensorFlow does not support the file system.
    """
    # A RemotePath has the methods of a Path, but is none.
    if isinstance(path, RemotePath):
        return path  # type: ignore[return-value]
    if "://" not in os.fspath(path):
        return local_path(path)
    remote = remote_path(os.fspath(path))
    remote.require_file_system()
    return remote


def open_file(path, mode="rb"):
    """Opens a file on any file system; a missing file raises a `FileNotFoundError`."""
    return as_path(path).open(mode)


@contextlib.contextmanager
def temporary_folder_for(path):
    """Yields the path of a folder in which to write what `put` moves to `path`.

    The folder is removed at the end. Errors of writing in it name `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, because a move is atomic only within a file system.
    beside = None if isinstance(path, RemotePath) else path.parent
    with tempfile.TemporaryDirectory(prefix=".export-", dir=beside) as folder:
        with naming(path, folder):
            yield pathlib.Path(folder)


def put(source, path):
    """Moves a local file or folder to its final place, on any file system.

    On a local disk, it appears there in one step. Of a folder on another file system,
    `saved_model.pb` appears last, without which TF Serving does not load a model.

    Args:
        source: `pathlib.Path` in `temporary_folder_for(path)`.
        path: path from `as_path`. A file is replaced; a folder must not exist.
    """
    if not isinstance(path, RemotePath):
        os.replace(source, path)
    elif source.is_dir():
        files = [file for file in source.rglob("*") if file.is_file()]
        for file in sorted(files, key=lambda file: file.name == "saved_model.pb"):
            target = path / file.relative_to(source).as_posix()
            target.parent.mkdir()
            tf.io.gfile.copy(str(file), str(target))
    else:
        # Under another name first, because not every file system replaces files whole.
        unfinished = path.with_name(f".unfinished-{path.name}")
        tf.io.gfile.copy(str(source), str(unfinished), overwrite=True)
        tf.io.gfile.rename(str(unfinished), str(path), overwrite=True)


def remove_folder(path):
    """Removes a folder with its content, if it exists, on any file system."""
    path = as_path(path)
    if not isinstance(path, RemotePath):
        shutil.rmtree(path, ignore_errors=True)
    elif path.is_dir():
        tf.io.gfile.rmtree(str(path))


def read_bytes(path):
    """Reads the content of a file on any file system."""
    with open_file(path) as file:
        return file.read()
