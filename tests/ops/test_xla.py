import glob
import re
import subprocess
import sys

import pytest
import tensorflow as tf

import keras_seg
from keras_seg import ops
from tests.paths import ROOT

pytestmark = pytest.mark.backend("tensorflow", "XLA in tf.functions")

OPS = ("strip_pool", "adaptive_average_pool", "adaptive_max_pool", "resize_bilinear")

# Runs each op and its gradient inside a step of two replicas, as in training.
STEP = """
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)
import keras_seg
from keras_seg import ops
keras_seg.set_xla(True)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
x = tf.random.normal((1, 4, 3, 2))

def step():
    with tf.GradientTape() as tape:
        tape.watch(x)
        pooled = ops.adaptive_average_pool(x, (2, 2)) + ops.adaptive_max_pool(x, (2, 2))
        y = ops.resize_bilinear(pooled, (5, 6))
        rows, columns = ops.strip_pool(y)
        total = tf.reduce_sum(rows**2) + tf.reduce_sum(columns**2)
    return tape.gradient(total, x)

tf.function(lambda: strategy.run(step))()
"""


def test_ops_and_gradients_are_in_the_compiled_hlo(tmp_path):
    """The dump of the modules that XLA compiled must contain the ops."""
    flags = f"--xla_dump_to={tmp_path} --xla_dump_hlo_as_text"
    subprocess.run(
        [sys.executable, "-c", STEP],
        cwd=ROOT,
        env={"PATH": "", "XLA_FLAGS": flags, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=True,
    )
    compiled = {}
    for path in glob.glob(f"{tmp_path}/*after_optimizations.txt"):
        match = re.search(rf"(forward|backward)_({'|'.join(OPS)})_", path)
        if match:
            with open(path) as file:
                compiled[match.groups()] = file.read()
    expected = {(way, op) for way in ("forward", "backward") for op in OPS}
    assert set(compiled) == expected
    # The modules contain the arithmetic: the row averages of the 5 x 6 map.
    assert "f32[1,5,1,2]" in compiled["forward", "strip_pool"]
    assert all("ENTRY" in text for text in compiled.values())


def asks_for_xla(function, *specs):
    concrete = tf.function(function).get_concrete_function(*specs)
    functions = concrete.graph.as_graph_def().library.function
    return any(f.attr["_XlaMustCompile"].b for f in functions)


STATIC = tf.TensorSpec((None, 6, 5, 2), "float32")


def test_static_sizes_are_compiled_even_with_an_unknown_batch():
    assert asks_for_xla(ops.strip_pool, STATIC)


@pytest.mark.parametrize("shape", [(2, None, 5, 2), (2, 6, None, 2), None])
def test_dynamic_shapes_are_not_compiled(shape):
    spec = tf.TensorSpec(shape, "float32")
    assert not asks_for_xla(
        lambda x: ops.strip_pool(tf.ensure_shape(x, (None, None, None, 2))), spec
    )


def test_a_dynamic_target_size_is_not_compiled():
    size = tf.TensorSpec((), "int32")
    with keras_seg.xla_scope(True):
        assert asks_for_xla(lambda x: ops.resize_bilinear(x, (8, 9)), STATIC)
        free = asks_for_xla(lambda x, n: ops.resize_bilinear(x, (n, 9)), STATIC, size)
    assert not free


@pytest.mark.parametrize("accelerator", [None, "GPU", "TPU"])
@pytest.mark.parametrize("op", [ops.resize_bilinear, ops.adaptive_average_pool])
def test_some_ops_are_compiled_on_accelerators_only(op, accelerator, monkeypatch):
    devices = [tf.config.PhysicalDevice("/physical_device:CPU:0", "CPU")]
    if accelerator:
        name = f"/physical_device:{accelerator}:0"
        devices.append(tf.config.PhysicalDevice(name, accelerator))

    def visible(kind=None):
        return [device for device in devices if kind in (None, device.device_type)]

    monkeypatch.setattr(tf.config, "get_visible_devices", visible)

    def resized(x):
        return op(x, (8, 9))

    assert asks_for_xla(resized, STATIC) == bool(accelerator)
    assert asks_for_xla(ops.strip_pool, STATIC)
    with keras_seg.xla_scope(True):
        assert asks_for_xla(resized, STATIC)
    with keras_seg.xla_scope(False):
        assert not asks_for_xla(resized, STATIC)


def test_asking_for_the_devices_does_not_fix_them():
    """Logical devices can be set only before TensorFlow initializes them."""
    code = (
        "import tensorflow as tf;"
        ""
        "from keras_seg.ops.xla import _asked_for; _asked_for(tf, False);"
        "tf.config.set_logical_device_configuration("
        "tf.config.list_physical_devices('CPU')[0],"
        "[tf.config.LogicalDeviceConfiguration()] * 2)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_scope_and_switch():
    with keras_seg.xla_scope(False):
        assert not asks_for_xla(ops.strip_pool, STATIC)
        with keras_seg.xla_scope(True):
            assert asks_for_xla(ops.strip_pool, STATIC)
        assert not asks_for_xla(ops.strip_pool, STATIC)
    assert asks_for_xla(ops.strip_pool, STATIC)
    keras_seg.set_xla(False)
    try:
        assert not asks_for_xla(ops.strip_pool, STATIC)
    finally:
        keras_seg.set_xla(None)
    assert asks_for_xla(ops.strip_pool, STATIC)


def test_the_scope_ends_with_an_exception():
    with pytest.raises(RuntimeError), keras_seg.xla_scope(False):
        raise RuntimeError
    assert asks_for_xla(ops.strip_pool, STATIC)


@pytest.mark.parametrize("enabled", [0, 1, "yes"])
def test_rejects_what_is_neither_a_bool_nor_none(enabled):
    with pytest.raises(TypeError, match="Received: enabled="):
        keras_seg.set_xla(enabled)
