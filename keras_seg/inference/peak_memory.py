import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import keras

from keras_seg.models import inference_model
from keras_seg.ops.sizes import require_size

_NO_GPUS = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
_MEASURE = '''
import sys

import keras
import numpy as np

import keras_seg  # registers its layers


def peak():
    """Returns the peak memory since the last reset, or outside of Linux the start."""
    try:
        with open("/proc/self/status") as file:
            found = [line.split() for line in file if line.startswith("VmHWM")]
        return 1024 * int(found[0][1])
    except OSError:
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


model = keras.saving.load_model(sys.argv[1], compile=False)
image = np.zeros([1, *map(int, sys.argv[2:])], "float32")
try:  # reset the peak, so that importing does not hide the prediction
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
except OSError:
    pass
before = peak()
model.predict_on_batch(image)
print(peak() - before)
'''


def peak_memory(model: keras.Model, size: Sequence[int]) -> int:
    """Measures the memory of a prediction for one image, besides the loaded model.

    A separate process on the CPU loads the model, predicts and reads its peak memory,
    which includes features, logits, workspaces and tracing. On a GPU, the workspaces of
    convolutions differ. Outside of Linux, the peak of loading cannot be reset, so that
    the result may be too low.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` from
            images to logits, or to a dict with "segmentation".
        size: pair of ints, height and width of the image.

    Returns:
        int, the memory in bytes.

    Raises:
        RuntimeError: If the process fails or the system does not report memory.
        TypeError: If the model is not functional.
        ValueError: If `size` is not a pair of positive integers.

    Example:
        `peak_memory(SPNet(11, "resnet18"), (512, 1024)) / 2**20`
    """
    size = require_size("size", size)
    network = inference_model(model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        network.save(path)
        shape = [*size, network.inputs[0].shape[-1]]
        command = [sys.executable, "-c", _MEASURE, str(path), *map(str, shape)]
        done = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | _NO_GPUS
        )
    if done.returncode:
        raise RuntimeError(
            f"The memory of {network.name!r} at {tuple(size)} could not be measured: "
            f"{done.stderr.strip().splitlines()[-1:]}"
        )
    return int(done.stdout.split()[-1])
