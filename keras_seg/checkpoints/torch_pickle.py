"""Safe reader of the pickles in PyTorch's files: nothing that they name is run.

The content consists of plain containers, numbers, strings and `Tensor`s, which state
where in the file their values are.
"""

import dataclasses
import math
import pickle

import numpy as np

# PyTorch's storage classes and the NumPy dtypes of their values.
_STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "?",
}


@dataclasses.dataclass(frozen=True)
class Storage:
    """Block of values of one dtype in a file, identified by a key."""

    dtype: str
    key: str
    count: int

    @property
    def num_bytes(self):
        return self.count * (2 if self.dtype == "bfloat16" else self._numpy.itemsize)

    @property
    def _numpy(self):
        return np.dtype(self.dtype)

    def decode(self, data, is_big_endian=False):
        """Returns the values `(count,)` of the storage's bytes; bfloat16 as float32."""
        if self.dtype == "bfloat16":
            halves = np.frombuffer(data, ">u2" if is_big_endian else "<u2")
            return (halves.astype("uint32") << 16).view("float32")
        dtype = self._numpy.newbyteorder(">") if is_big_endian else self._numpy
        return np.frombuffer(data, dtype).astype(self._numpy, copy=False)


@dataclasses.dataclass(frozen=True)
class Tensor:
    """View into a storage; offset and strides are in values, not in bytes."""

    storage: Storage
    offset: int
    shape: tuple
    strides: tuple

    def array(self, values):
        """Returns the tensor as a new array, given the values of its storage."""
        if 0 in self.shape:
            return np.zeros(self.shape, values.dtype)
        last = self.offset + sum(
            (cells - 1) * step
            for cells, step in zip(self.shape, self.strides, strict=True)
        )
        if (
            min((self.offset, *self.shape, *self.strides)) < 0
            or not 0 <= last < len(values)
            or math.prod(self.shape) > len(values)
        ):
            raise ValueError("a tensor reaches beyond its storage")
        strides = [step * values.itemsize for step in self.strides]
        start = values[self.offset :]
        return np.lib.stride_tricks.as_strided(start, self.shape, strides).copy()


def load(file):
    """Reads one pickle.

    Args:
        file: binary file, at the start of a pickle.

    Returns:
        Pair of the content and the dict `{key: Storage}` of all storages in it.

    Raises:
        pickle.UnpicklingError: If the pickle is corrupt, or names an object that is
            neither a tensor nor a plain container.
    """
    unpickler = _Unpickler(file)
    try:
        return unpickler.load(), unpickler.storages
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # the type depends on how the pickle is corrupt
        name = type(error).__name__
        raise pickle.UnpicklingError(f"a pickle is corrupt: {name} {error}") from error


class _Dict(dict):
    """Replacement of `collections.OrderedDict` that ignores attributes."""

    def __setstate__(self, state):
        pass


class _Number:
    """Placeholder for a NumPy number, whose value is not read.

    HANet's training script saves one, the mIoU, beside the weights.
    """

    def __init__(self, *_):
        pass

    def __setstate__(self, state):
        pass


def _rebuild_tensor(storage, offset, shape, strides, *_):
    if not isinstance(storage, Storage):
        raise pickle.UnpicklingError("a tensor has no storage")
    numbers = (offset, *shape, *strides)
    if not all(isinstance(n, int) for n in numbers) or len(shape) != len(strides):
        raise pickle.UnpicklingError("a tensor has no shape")
    return Tensor(storage, offset, tuple(shape), tuple(strides))


def _rebuild_parameter(tensor, *_):
    return tensor


# The only callables that a pickle may name, and their replacements.
_CALLABLES = {
    ("collections", "OrderedDict"): _Dict,
    ("torch", "Size"): tuple,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("numpy", "dtype"): _Number,
    ("numpy.core.multiarray", "scalar"): _Number,
    ("numpy._core.multiarray", "scalar"): _Number,
    ("_codecs", "encode"): _Number,
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, file):
        super().__init__(file)
        self.storages = {}

    def find_class(self, module, name):
        if (module, name) in _CALLABLES:
            return _CALLABLES[module, name]
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(
            f"it names {module}.{name}, which is not read: only tensors and plain "
            "containers are"
        )

    def persistent_load(self, place):
        _, dtype, key, _, count, *_ = place
        if dtype not in _STORAGES.values() or not isinstance(count, int):
            raise pickle.UnpicklingError("a storage has an unknown dtype or no size")
        return self.storages.setdefault(key, Storage(dtype, key, count))
