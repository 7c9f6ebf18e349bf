"""Paths on TensorFlow's file systems (gs://, ...)."""

import fnmatch
import pathlib

_NO_HOST = "\0"  # in place of a host that is empty; no name contains it


class RemotePath(pathlib.PurePosixPath):
    """A path such as gs://bucket/folder, with the methods of `pathlib.Path` used here.

    `tf.io.gfile` determines which file systems are supported. TensorFlow is imported on
    first use, so that the command can read its arguments without it.
    """

    def require_file_system(self):
        """Raises a `ValueError` if TensorFlow does not support the file system."""
        self._gfile()

    def _gfile(self):
        import tensorflow as tf

        scheme = str(self).partition("://")[0]
        schemes = tf.io.gfile.get_registered_schemes()
        if scheme not in schemes:
            known = ", ".join(sorted(f"{name}://" for name in schemes if name))
            raise ValueError(
                f"The path must be local or on a file system of TensorFlow: {known}. "
                f"Received: {self}"
            )
        return tf.io.gfile

    def absolute(self):
        return self

    def __str__(self):
        # pathlib merges the two slashes into one.
        return super().__str__().replace(":/", "://", 1).replace(_NO_HOST, "", 1)

    def __fspath__(self):
        return str(self)

    def resolve(self):
        return self  # such file systems have no links

    def exists(self):
        return self._gfile().exists(str(self))

    def is_dir(self):
        return self._gfile().isdir(str(self))

    def is_file(self):
        return self.exists() and not self.is_dir()

    def iterdir(self):
        names = self._gfile().listdir(str(self))
        return (self / name.rstrip("/") for name in names)

    def glob(self, pattern):
        return (remote_path(path) for path in self._gfile().glob(str(self / pattern)))

    def rglob(self, pattern):
        for folder, folders, files in self._gfile().walk(str(self)):
            for name in (name.rstrip("/") for name in (*folders, *files)):
                if fnmatch.fnmatch(name, pattern):
                    yield remote_path(folder) / name

    def mkdir(self, parents=True, exist_ok=True):
        self._gfile().makedirs(str(self))

    def unlink(self, missing_ok=False):
        if self.exists() or not missing_ok:
            self._gfile().remove(str(self))

    def open(self, mode="rb"):
        if "r" in mode and not self.exists():
            raise FileNotFoundError(f"There is no file {self}")
        return self._gfile().GFile(str(self), mode)

    def write_text(self, text, encoding="utf-8"):
        with self.open("wb") as file:
            file.write(text.encode(encoding))

    def read_bytes(self):
        with self.open() as file:
            return file.read()

    def read_text(self, encoding="utf-8"):
        return self.read_bytes().decode(encoding)


def remote_path(text):
    """Returns the `RemotePath` that a text with a scheme, such as gs://, names."""
    scheme, _, rest = text.partition("://")
    host = _NO_HOST if rest.startswith("/") else ""  # file:///folder has none
    return RemotePath(f"{scheme}://{host}{rest}")
