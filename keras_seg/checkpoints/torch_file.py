"""Reading of PyTorch's files without PyTorch."""

import collections
import dataclasses
import pickle

import numpy as np

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "?",
}


def read_torch_file(path):
    """Reads a state dict as `torch.save` wrote it before PyTorch 1.6.

    Only tensors and plain containers are made of the file's pickles; nothing else that
    they name is imported or called.

    Args:
        path: the path of a `.pth` file in the stream format, not a zip archive.

    Returns:
        dict `{key: NumPy array}`.

    Raises:
        ValueError: If the file has another format, is cut short, or holds something
            else than a dict of tensors.

    Example:

    ```python
    state_dict = read_torch_file("efficientnet-lite0-57934424.pth")
    state_dict["_conv_stem.weight"].shape  # (32, 3, 3, 3)
    ```
    """
    try:
        with open(path, "rb") as file:
            state_dict = _read(file)
    except (EOFError, pickle.UnpicklingError, ValueError) as error:
        raise ValueError(
            f"The file is no state dict in PyTorch's stream format. Received: {path} "
            f"({error})"
        ) from error
    return state_dict


def _read(file):
    for expected in (_MAGIC, _PROTOCOL):
        if _Unpickler(file).load() != expected:
            raise ValueError("it does not start as such files do")
    _Unpickler(file).load()  # the sizes of C's types where it was written
    content = _Unpickler(file).load()
    if not isinstance(content, dict) or not all(
        isinstance(value, _Tensor) for value in content.values()
    ):
        raise ValueError("it holds something else than a dict of tensors")
    storages = {value.storage.key: value.storage for value in content.values()}
    arrays = {}
    for key in _Unpickler(file).load():
        count = int.from_bytes(file.read(8), "little")
        if key not in storages:
            raise ValueError(f"no tensor has its storage {key!r}")
        dtype = np.dtype(storages[key].dtype)
        data = file.read(count * dtype.itemsize)
        if len(data) != count * dtype.itemsize:
            raise ValueError("it is cut short")
        arrays[key] = np.frombuffer(data, dtype)
    return {key: value.array(arrays) for key, value in content.items()}


@dataclasses.dataclass
class _Storage:
    dtype: str
    key: str


@dataclasses.dataclass
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple
    strides: tuple

    def array(self, arrays):
        data = arrays[self.storage.key]
        if 0 in self.shape:
            return np.zeros(self.shape, data.dtype)
        last = self.offset + sum(
            (cells - 1) * step
            for cells, step in zip(self.shape, self.strides, strict=True)
        )
        if min((0, *self.shape, *self.strides)) < 0 or not 0 <= last < len(data):
            raise ValueError("a tensor reaches beyond its storage")
        strides = [step * data.itemsize for step in self.strides]
        view = np.lib.stride_tricks.as_strided(data[self.offset :], self.shape, strides)
        return view.copy()


def _rebuild_tensor(storage, offset, shape, strides, *_):
    return _Tensor(storage, offset, shape, strides)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(f"it names {module}.{name}, which is not read")

    def persistent_load(self, place):
        _, dtype, key, *_ = place
        return _Storage(dtype, key)
