import ctypes
import platform
import sys
import types

import pytest
import tensorflow as tf

from keras_seg.command.start_tensorflow import start_tensorflow
from keras_seg.training import distribution_strategy

pytestmark = pytest.mark.backend("tensorflow", "tf.distribute")


@pytest.fixture
def options():
    """TensorFlow's graph options, which are restored afterwards."""
    before = tf.config.optimizer.get_experimental_options()
    yield tf.config.optimizer.get_experimental_options
    tf.config.optimizer.set_experimental_options(
        {"remapping": before.get("remapping", True)}
    )


def test_one_machine_trains_on_all_its_devices():
    strategy = distribution_strategy()
    assert strategy.num_replicas_in_sync == len(tf.config.list_logical_devices("CPU"))


@pytest.mark.parametrize("kind", ["CPU", "GPU"])
def test_a_single_cpu_needs_no_replicas(monkeypatch, kind):
    """Without a strategy, Keras compiles whole steps on a GPU."""
    module = sys.modules[distribution_strategy.__module__]
    monkeypatch.setattr(module, "mirrored_strategy", lambda: "mirrored")
    devices = {"CPU": ["one"], "GPU": ["one"] if kind == "GPU" else []}
    monkeypatch.setattr(tf.config, "list_logical_devices", devices.get)
    expected = tf.distribute.get_strategy() if kind == "CPU" else "mirrored"
    assert distribution_strategy() is expected


@pytest.mark.parametrize(("onednn", "fuses"), [("1", False), ("0", True), (None, True)])
@pytest.mark.parametrize("start", [distribution_strategy, start_tensorflow])
def test_convolutions_are_not_fused_with_onednn(
    monkeypatch, options, start, onednn, fuses
):
    if onednn is None:
        monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    else:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", onednn)
    start()
    assert options().get("remapping", True) == fuses


@pytest.mark.parametrize("start", [distribution_strategy, start_tensorflow])
def test_freed_memory_is_kept(monkeypatch, options, start):
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("only glibc has these settings")
    settings = {}
    libc = types.SimpleNamespace(mallopt=settings.__setitem__)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: libc)
    start()
    m_mmap_max = -4  # malloc.h
    assert settings[m_mmap_max] == 0
