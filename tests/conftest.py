"""Settings that must be made before the first test touches TensorFlow."""

import json
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import pytest  # noqa: E402
import tensorflow as tf  # noqa: E402

# Two logical devices stand in for two GPUs.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def two_replicas():
    """One for all tests: TensorFlow mixes up the collectives of two on one machine."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def pytest_addoption(parser):
    parser.addoption("--matrix", type=pathlib.Path, help="what works, see tests/matrix")


@pytest.fixture
def matrix(request):
    """Notes, at the end of a test, that a network works in some way."""
    path = request.config.getoption("--matrix")

    def note(network, way):
        if path is not None:
            found = json.loads(path.read_text()) if path.exists() else []
            path.write_text(json.dumps([*found, [network, way]]))

    return note
