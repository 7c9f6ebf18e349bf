"""Paths on local disks and on TensorFlow's file systems (gs://, ...)."""

import pathlib

import tensorflow as tf


class RemotePath(pathlib.PurePosixPath):
    """A path such as gs://bucket/folder, with the methods of `pathlib.Path` used here.

    `tf.io.gfile` determines which file systems are supported.
    """

    def __str__(self):
        # pathlib merges the two slashes into one.
        return super().__str__().replace(":/", "://", 1)

    def __fspath__(self):
        return str(self)

    def resolve(self):
        return self  # such file systems have no links

    def exists(self):
        return tf.io.gfile.exists(str(self))

    def is_dir(self):
        return tf.io.gfile.isdir(str(self))

    def is_file(self):
        return self.exists() and not self.is_dir()

    def iterdir(self):
        names = tf.io.gfile.listdir(str(self))
        return (self / name.rstrip("/") for name in names)

    def glob(self, pattern):
        return (RemotePath(path) for path in tf.io.gfile.glob(str(self / pattern)))

    def mkdir(self, parents=True, exist_ok=True):
        tf.io.gfile.makedirs(str(self))

    def read_bytes(self):
        with open_file(self) as file:
            return file.read()

    def read_text(self, encoding="utf-8"):
        return self.read_bytes().decode(encoding)


def as_path(path):
    """Returns a `pathlib.Path`, or a `RemotePath` if the path names a file system."""
    if isinstance(path, RemotePath) or "://" in str(path):
        return RemotePath(str(path))
    return pathlib.Path(path)


def open_file(path, mode="rb"):
    """Opens a file on any file system; a missing file raises a `FileNotFoundError`."""
    path = as_path(path)
    if isinstance(path, pathlib.Path):
        return path.open(mode)
    if "r" in mode and not path.exists():
        raise FileNotFoundError(f"There is no file {path}")
    return tf.io.gfile.GFile(str(path), mode)


def read_bytes(path):
    """Reads the content of a file on any file system."""
    with open_file(path) as file:
        return file.read()
