"""Paths of local disks and of the file systems that TensorFlow knows (gs://, ...)."""

import pathlib

import tensorflow as tf


class RemotePath(pathlib.PurePosixPath):
    """A path such as gs://bucket/folder, with the methods of `pathlib.Path` used here.

    Which file systems there are is up to `tf.io.gfile`.
    """

    def __str__(self):
        # pathlib takes the two slashes for one.
        return super().__str__().replace(":/", "://", 1)

    def __fspath__(self):
        return str(self)

    def resolve(self):
        return self  # there are no links

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
    """A `pathlib.Path`, or a `RemotePath` where the path names a file system."""
    if isinstance(path, RemotePath) or "://" in str(path):
        return RemotePath(str(path))
    return pathlib.Path(path)


def open_file(path, mode="rb"):
    """Opens a file of any file system; missing ones raise a FileNotFoundError."""
    path = as_path(path)
    if isinstance(path, pathlib.Path):
        return path.open(mode)
    if "r" in mode and not path.exists():
        raise FileNotFoundError(f"There is no file {path}")
    return tf.io.gfile.GFile(str(path), mode)


def read_bytes(path):
    """The content of a file of any file system."""
    with open_file(path) as file:
        return file.read()
