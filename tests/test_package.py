"""The effects of `import keras_seg`."""

import ast
import graphlib
import importlib
import inspect
import pathlib
import subprocess
import sys

import keras
import numpy as np

import keras_seg
from keras_seg import training
from keras_seg.inference import multi_scale, sliding_window
from keras_seg.layers import StripPooling

# Their arguments are those of Keras's layers, which have no types.
KERAS_SIGNATURES = ("Conv2D", "DepthwiseConv2D", "BatchNormalization")


def test_saved_models_load_after_the_import_alone(tmp_path):
    path = tmp_path / "model.keras"
    inputs = keras.Input((None, None, 4))
    x = StripPooling()(inputs)
    network = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
    network.compile("sgd", lambda y_true, y_pred: y_pred)  # cannot be saved
    views = multi_scale(sliding_window(network, (8, 9)), (1.0, 0.5))
    model = keras.Model(views.inputs, views.outputs)
    rate = training.learning_rate("poly", 1e-3, 10, warmup=2)
    model.compile(training.AdamW(rate, rate_groups={"gamma": 0.1}), "mse")
    model.save(path)
    image = np.random.default_rng(0).normal(size=(1, 8, 9, 4)).astype("float32")
    np.save(tmp_path / "image.npy", image)
    code = (
        "import keras_seg, keras, numpy, sys\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "assert model.optimizer.rate_groups == {'gamma': 0.1}\n"
        "found = keras.ops.convert_to_numpy(model(numpy.load(sys.argv[2])))\n"
        "numpy.save(sys.argv[3], found)"
    )
    files = [path, tmp_path / "image.npy", tmp_path / "found.npy"]
    command = [sys.executable, "-c", code, *map(str, files)]
    subprocess.run(command, check=True, capture_output=True)
    expected = keras.ops.convert_to_numpy(model(image))
    np.testing.assert_allclose(np.load(files[2]), expected, atol=1e-6)


def test_importing_layers_costs_little_beside_keras():
    code = (
        "import time, keras\n"
        "start = time.process_time()\n"
        "import keras_seg.layers\n"
        "print(time.process_time() - start)"
    )
    command = [sys.executable, "-c", code]
    seconds = [
        float(subprocess.run(command, capture_output=True, check=True).stdout)
        for _ in range(2)
    ]
    assert min(seconds) < 0.2


def test_every_public_name_is_listed_and_there():
    assert set(keras_seg.__all__) <= set(dir(keras_seg))
    code = (
        "import keras_seg\n"
        "assert {'data', 'training', 'set_xla'} <= set(dir(keras_seg))\n"
        "for name in dir(keras_seg):\n"
        "    getattr(keras_seg, name)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def untyped(function):
    """Names of the arguments of a function without a type, and "return"."""
    parameters = inspect.signature(function).parameters.values()
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    found = [p.name for p in named if p.annotation is p.empty and p.name != "self"]
    answer = function.__annotations__.get("return", inspect.Parameter.empty)
    needs_answer = function.__name__ != "__init__" and answer is inspect.Parameter.empty
    return found + ["return"] * needs_answer


def test_public_functions_and_classes_have_type_hints():
    packages = [x for x in keras_seg.__all__ if inspect.ismodule(getattr(keras_seg, x))]
    missing = {}
    for package in (*packages, "app", "export.client"):
        module = importlib.import_module(f"keras_seg.{package}")
        for name in set(module.__all__) - {*KERAS_SIGNATURES}:
            function = inspect.unwrap(getattr(module, name))
            if inspect.isclass(function):
                function = function.__init__
            ours = getattr(function, "__module__", "").startswith("keras_seg")
            if ours and inspect.isfunction(function) and untyped(function):
                missing[f"{package}.{name}"] = untyped(function)
    assert not missing


def test_imports_go_in_one_direction():
    root = pathlib.Path(keras_seg.__file__).parent
    imported = {}
    for path in root.glob("*/**/*.py"):
        package = path.relative_to(root).parts[0]
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(statement, ast.ImportFrom):
                continue
            names = [f"{statement.module}.{alias.name}" for alias in statement.names]
            others = {x.split(".")[1] for x in names if x.startswith("keras_seg.")}
            others = {x for x in others if x != package and (root / x).is_dir()}
            imported.setdefault(package, set()).update(others)
    order = [*graphlib.TopologicalSorter(imported).static_order()]  # fails in a cycle
    assert order.index("layers") < order.index("models") < order.index("app")
