"""Reader of PyTorch's files that does not require PyTorch."""

import io
import os
import tarfile
import zipfile

import numpy as np

from keras_seg.checkpoints import torch_pickle
from keras_seg.checkpoints.torch_layers import unwrapped
from keras_seg.local_path import local_path
from keras_seg.typing import PathLike

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


def read_torch_file(path: PathLike) -> dict[str, np.ndarray]:
    """Reads a state dict that `torch.save` wrote, without PyTorch.

    Both formats are supported: zip archives, and the stream format of PyTorch before
    1.6. If a training script saved a dict with an entry "state_dict" or "model", this
    entry is returned. The file's pickles can create only tensors and plain containers;
    no other object that they name is imported or called.

    PyTorch is not used even if it is installed: `torch.load(weights_only=True)` rejects
    the checkpoints of HANet's training script, which hold a NumPy number beside the
    weights, and before PyTorch 2.6 a file could make it run code (CVE-2025-32434).

    Args:
        path: path of a `.pth` file.

    Returns:
        dict `{key: NumPy array}`. bfloat16, which NumPy lacks, becomes float32.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file has another format, such as the tar archives of the
            first versions of PyTorch or a TorchScript program; if it is truncated or
            corrupt; or if its content is not a dict of tensors.

    Example:
        ```python
        state_dict = read_torch_file("efficientnet-lite0-57934424.pth")
        state_dict["_conv_stem.weight"].shape  # (32, 3, 3, 3)
        ```
    """
    with open(local_path(path), "rb") as file:
        try:
            return _read(file)
        except Exception as error:  # corrupt files cause errors of every type
            raise ValueError(
                "The file must be a state dict that `torch.save` wrote. "
                f"Received: {path} ({error})"
            ) from error


def _read(file):
    if tarfile.is_tarfile(file):
        raise ValueError(
            "it is a tar archive, the format of the first versions of PyTorch: load it "
            "and save it again with a later version"
        )
    file.seek(0)
    is_archive = file.read(4) == b"PK\x03\x04"
    file.seek(0)
    return _read_archive(file) if is_archive else _read_stream(file)


def _read_archive(file):
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        raise ValueError(f"it is a truncated zip archive: {error}") from error
    names = archive.namelist()
    root = next(
        (n.removesuffix("data.pkl") for n in names if n.endswith("data.pkl")), None
    )
    if root is None:
        raise ValueError("it is a zip archive without data.pkl")
    if f"{root}constants.pkl" in names:
        raise ValueError("it is a TorchScript program, not a state dict")

    def member(name):
        if name not in names:
            raise ValueError(f"it lacks {name}")
        if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{name} is compressed, which PyTorch never does")
        return archive.read(name)

    content, _ = torch_pickle.load(io.BytesIO(member(f"{root}data.pkl")))
    is_big_endian = f"{root}byteorder" in names and member(f"{root}byteorder") == b"big"
    arrays, values = {}, {}
    for name, tensor in _tensors(content).items():
        storage = tensor.storage
        if storage.key not in values:
            data = member(f"{root}data/{storage.key}")
            _check_length(data, storage)
            values[storage.key] = storage.decode(data, is_big_endian)
        arrays[name] = tensor.array(values[storage.key])
    return arrays


def _read_stream(file):
    for expected in (_MAGIC, _PROTOCOL):
        if torch_pickle.load(file)[0] != expected:
            raise ValueError("it does not start with PyTorch's magic number")
    torch_pickle.load(file)  # the sizes of C types on the machine that wrote it
    content, storages = torch_pickle.load(file)
    tensors = _tensors(content)
    wanted = {tensor.storage.key for tensor in tensors.values()}
    values = {}
    for key in torch_pickle.load(file)[0]:
        count = int.from_bytes(file.read(8), "little")
        if key not in storages or count != storages[key].count:
            raise ValueError(f"no tensor refers to its storage {key!r}")
        rest = os.fstat(file.fileno()).st_size - file.tell()
        data = file.read(min(storages[key].num_bytes, rest))
        _check_length(data, storages[key])
        if key in wanted:
            values[key] = storages[key].decode(data)
    if not wanted <= values.keys():
        raise ValueError("it lacks the values of a tensor")
    return {
        name: tensor.array(values[tensor.storage.key])
        for name, tensor in tensors.items()
    }


def _tensors(content):
    """Returns the state dict in the content of a file."""
    if not isinstance(content, dict):
        raise ValueError(
            f"its content must be a dict of tensors, but is a {type(content).__name__}"
        )
    tensors = unwrapped(content)
    for key, value in tensors.items():
        if not isinstance(key, str) or not isinstance(value, torch_pickle.Tensor):
            raise ValueError(
                "its content must be a dict of tensors, but the value of "
                f"{key!r} has the type {type(value).__name__}"
            )
    return tensors


def _check_length(data, storage):
    if len(data) != storage.num_bytes:
        raise ValueError(f"it is truncated: {storage.key!r} lacks some of its values")
