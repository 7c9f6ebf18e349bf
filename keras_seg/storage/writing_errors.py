import contextlib
import errno
import os

import tensorflow as tf

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def naming(path, temporary=None):
    """Names the file in errors of writing it that do not, such as that of a full disk.

    The system reports a full disk when data is written to an open file. The error of
    Python, HDF5 or Pillow then has no file name, and TensorFlow's is no `OSError`.

    Args:
        path: str or path of the file or folder that is written.
        temporary: str or path of the file or folder under which it is written first.

    Raises:
        OSError: Instead of an `OSError` that names no file or a temporary one, or of
            TensorFlow's error of a full disk.
    """
    try:
        yield
    except OSError as error:
        name = str(error.filename or "")
        is_temporary = temporary is not None and name.startswith(str(temporary))
        if error.errno is None or (name and not is_temporary):
            raise
        raise _named(error.errno, path) from error
    except (tf.errors.ResourceExhaustedError, tf.errors.OutOfRangeError) as error:
        codes = [code for code in _FULL if os.strerror(code) in str(error)]
        if not codes:  # such as a GPU out of memory
            raise
        raise _named(codes[0], path) from error


def _named(code, path):
    return OSError(code, f"Cannot write: {os.strerror(code)}", str(path))
