"""Exchange of models between backends, and errors where there is none."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_seg.data import Augmentation, StreetScenes, training_pipeline
from keras_seg.export import export_saved_model
from keras_seg.inference import evaluate, flops, sliding_window
from keras_seg.losses import SegmentationCrossentropy
from keras_seg.metrics import MeanIoU
from keras_seg.models import inference_model
from keras_seg.training import mirrored_strategy, named_targets
from tests.models.networks import tiny_spnet
from tests.paths import ROOT
from tests.ways import BACKEND

pytestmark = pytest.mark.skipif(
    BACKEND == "tensorflow", reason="it is about the other backends"
)

# What an export needs: the same network in a process of TensorFlow.
SERVE = """
import sys
import keras
import numpy as np
import tensorflow as tf
import keras_seg

folder = sys.argv[1]
# To compile what PyTorch saved Keras imports it; its build for GPUs crashes beside
# TensorFlow.
model = keras.saving.load_model(f"{folder}/model.keras", compile=False)
images = np.load(f"{folder}/images.npy")
np.save(f"{folder}/logits.npy", model.predict(images, verbose=0)["segmentation"])
keras_seg.export.export_saved_model(model, f"{folder}/1")
"""


def run(code, *arguments, backend):
    environment = os.environ | {"KERAS_BACKEND": backend}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def test_the_package_imports_without_tensorflow():
    run(
        "import sys, keras_seg; assert 'tensorflow' not in sys.modules", backend=BACKEND
    )


def test_trains_from_a_pipeline_of_tensorflow_and_is_served_by_it(tmp_path):
    scenes = StreetScenes(4, (64, 80))
    batches = training_pipeline(scenes, 2, Augmentation((32, 48)))
    model = tiny_spnet(num_classes=scenes.num_classes)
    model.compile(
        keras.optimizers.SGD(1e-3),
        {name: SegmentationCrossentropy() for name in model.output},
        metrics={"segmentation": [MeanIoU(scenes.num_classes)]},
    )
    before = [np.array(w) for w in model.trainable_weights]
    history = model.fit(batches.map(named_targets(model)), epochs=2, verbose=0).history
    assert len(history["loss"]) == 2 and np.isfinite(history["loss"]).all()
    for old, weight in zip(before, model.trainable_weights, strict=True):
        assert (np.array(weight) != old).any(), weight.path
    found = evaluate(model, batches.take(1), scenes.class_names)
    assert 0 <= found["mean_iou"] <= 1

    images = np.random.default_rng(0).integers(0, 256, (1, 45, 67, 3)).astype("uint8")
    np.save(tmp_path / "images.npy", images)
    model.save(tmp_path / "model.keras")
    run(SERVE, tmp_path, backend="tensorflow")
    expected = np.array(inference_model(model)(images))
    logits = np.load(tmp_path / "logits.npy")
    np.testing.assert_allclose(logits, expected, atol=1e-4 * np.abs(expected).max())
    assert (tmp_path / "1" / "saved_model.pb").exists()


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: export_saved_model(tiny_spnet(), "1"), "export_saved_model"),
        (lambda: flops(tiny_spnet(), (32, 32)), "flops"),
        (lambda: sliding_window(tiny_spnet(), (32, 32)), "SlidingWindow"),
        (mirrored_strategy, "mirrored_strategy"),
    ],
)
def test_what_needs_tensorflow_says_so(call, name):
    message = f"`{name}` needs the TensorFlow backend of Keras. Received: {BACKEND}"
    with pytest.raises(RuntimeError, match=message):
        call()
