"""Writes files in PyTorch's two formats, without PyTorch and without the reader."""

import io
import pickle
import zipfile

import numpy as np


def _rebuild_tensor_v2(*_):
    """Stands for torch._utils._rebuild_tensor_v2."""


_rebuild_tensor_v2.__module__ = "torch._utils"
# These stand for torch.FloatStorage and so on.
_KINDS = {
    dtype: type(name, (), {"__module__": "torch"})
    for dtype, name in {
        "float32": "FloatStorage",
        "float16": "HalfStorage",
        "uint16": "BFloat16Storage",
        "int64": "LongStorage",
    }.items()
}


class Storage:
    """Values under a key of the file; those of uint16 are the bits of bfloat16."""

    def __init__(self, key, values):
        self.key, self.values = key, values
        kind = _KINDS[str(values.dtype)]
        self.place = ("storage", kind, key, "cpu", values.size, None)


class Tensor:
    """A view into a storage; strides are in values."""

    def __init__(self, storage, offset, shape, strides):
        self.arguments = (storage, offset, shape, strides, False, {})

    def __reduce__(self):
        return (_rebuild_tensor_v2, self.arguments)


def tensors(arrays):
    """`{key: Tensor}` of NumPy arrays, each with a storage of its own."""
    content = {}
    for index, (key, array) in enumerate(arrays.items()):
        strides = tuple(step // array.itemsize for step in array.strides)
        storage = Storage(str(index), array.ravel())
        content[key] = Tensor(storage, 0, array.shape, strides)
    return content


class _Pickler(pickle._Pickler):
    """Writes classes by the names that they stand for, and storages by reference."""

    def __init__(self, file):
        super().__init__(file, 2)
        self.storages = {}

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        self.storages[value.key] = value.values
        return value.place

    def save_global(self, value, name=None):
        if value not in (*_KINDS.values(), _rebuild_tensor_v2):
            return super().save_global(value, name)
        self.write(f"c{value.__module__}\n{value.__name__}\n".encode("ascii"))
        self.memoize(value)

    dispatch = {**pickle._Pickler.dispatch, type: save_global}
    dispatch[type(_rebuild_tensor_v2)] = save_global


def stream(content):
    """The bytes of a file as `torch.save` wrote it before PyTorch 1.6."""
    file = io.BytesIO()
    pickle.dump(0x1950A86A20F9469CFC6C, file, 2)
    pickle.dump(1001, file, 2)
    pickle.dump({"little_endian": True}, file, 2)
    pickler = _Pickler(file)
    pickler.dump(content)
    pickle.dump(list(pickler.storages), file, 2)
    for values in pickler.storages.values():
        file.write(np.int64(values.size).tobytes() + values.tobytes())
    return file.getvalue()


def archive(content, compression=zipfile.ZIP_STORED, order="little", leave_out=()):
    """The bytes of a file as `torch.save` has written it since PyTorch 1.6."""
    pickled = io.BytesIO()
    pickler = _Pickler(pickled)
    pickler.dump(content)
    members = {"data.pkl": pickled.getvalue(), "byteorder": order.encode()}
    for key, values in pickler.storages.items():
        bytewise = values if order == "little" else values.byteswap()
        members[f"data/{key}"] = bytewise.tobytes()
    members["version"] = b"3\n"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as target:
        for name, data in members.items():
            if name not in leave_out:
                target.writestr(f"checkpoint/{name}", data)
    return file.getvalue()
