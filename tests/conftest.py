"""Settings that must be made before the first test touches TensorFlow."""

import contextlib
import json
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import pytest  # noqa: E402
import tensorflow as tf  # noqa: E402

import keras_seg  # noqa: E402, F401  # before `from keras import ops` on Keras 2

BACKEND = keras.backend.backend()
START = time.monotonic()

if keras.__version__.startswith("2."):
    # Runtimes that are not there beside TensorFlow 2.15: see docs/guides/addons.md.
    collect_ignore = [
        f"export/test_{name}.py" for name in ("backbones", "litert", "onnx")
    ]

# Two logical devices stand in for two GPUs.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)

if BACKEND == "torch":
    # Tests read tensors by NumPy, which PyTorch refuses where they have a gradient, and
    # whose functions give arrays on the other backends.
    import torch

    plain = torch.Tensor.__array__

    def read(tensor, *args, **kwargs):
        # NumPy has no bfloat16, whose numbers float32 has all.
        wide = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
        return plain(wide.detach(), *args)

    torch.Tensor.__array__ = read
    torch.Tensor.__array_wrap__ = lambda tensor, array, *_: array


def pytest_runtest_setup(item):
    seconds = item.config.getoption("--seconds")
    if seconds is not None and time.monotonic() - START > seconds:
        pytest.skip(f"not started within {seconds} seconds: `make test` runs it")
    for marker in item.iter_markers("backend"):
        name, reason = marker.args
        if name != BACKEND:
            pytest.skip(f"on {name} alone: {reason}")
    for marker in item.iter_markers("keras3"):
        if keras.__version__.startswith("2."):
            pytest.skip(f"on Keras 3 alone: {marker.args[0]}")


@pytest.fixture(autouse=True, scope="module")
def seed_of_module():
    """Seeds what a module's fixtures build."""
    keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def two_replicas():
    """The strategy of the two logical devices, the same one that commands train on."""
    if BACKEND != "tensorflow":
        pytest.skip("on tensorflow alone: MirroredStrategy")
    strategy = keras_seg.training.mirrored_strategy()
    assert strategy.num_replicas_in_sync == 2
    return strategy


def pytest_addoption(parser):
    parser.addoption("--matrix", type=pathlib.Path, help="what works, see tests/matrix")
    parser.addoption("--seconds", type=int, help="skip what would start later")


@pytest.fixture
def matrix(request):
    """Notes, at the end of a test, that a network works in some way."""
    path = request.config.getoption("--matrix")

    def note(network, way):
        if path is not None:
            found = json.loads(path.read_text()) if path.exists() else []
            path.write_text(json.dumps([*found, [network, way]]))

    return note


@pytest.fixture
def float64():
    """Lets a test work in float64, which JAX otherwise makes float32."""
    scope = contextlib.nullcontext()
    if BACKEND == "jax":
        import jax

        scope = jax.enable_x64(True)
    with scope:
        yield


def policy(name):
    """Returns a fixture under which layers are built with a dtype policy."""

    @pytest.fixture
    def fixture():
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(name)
        yield
        keras.config.set_dtype_policy(before)

    return fixture


float64_policy, mixed_policy = policy("float64"), policy("mixed_float16")
