"""Trains a tiny network on one device and on four, and prints both runs' losses.

`python -m tests.models.data_parallel spnet`, on JAX with XLA_FLAGS that make devices.
"""

import json
import sys

import keras
import numpy as np

from keras_seg.losses import AffinityLoss, OutputLoss, SegmentationCrossentropy
from keras_seg.metrics import MeanIoU
from tests.models.networks import (
    SIZE,
    randomize,
    tiny_cpnet,
    tiny_dsrl,
    tiny_hanet,
    tiny_spnet,
)

NETWORKS = {
    "spnet": lambda: tiny_spnet(dropout_rate=0.0),
    "hanet": lambda: randomize(
        tiny_hanet(
            dropout_rate=0.0,
            attention_dropout_rate=0.0,
            position_noise=0.0,
            points=(1, 5),
        )
    ),
    "cpnet": tiny_cpnet,
    "fused": lambda: tiny_cpnet(fused_prior=True),
    "dsrl": lambda: tiny_dsrl(3, dropout_rate=0.0),
}
STEPS = 3  # soon after, a ReLU at its kink makes rounding grow to what can be seen


def batch(scale):
    """Eight images, of which the first device's two have no label and others few."""
    rng = np.random.default_rng(0)
    blocks = rng.uniform(0, 255, (8, 4, 6, 3)).astype("float32")
    images = blocks.repeat(8, axis=1).repeat(8, axis=2)
    labels = rng.integers(0, 3, (8, 32 * scale, 48 * scale)).astype("int32")
    labels[:2] = labels[2:4, 4:] = 255
    return images, labels


def train(name, devices):
    distribution = keras.distribution.DataParallel(
        devices=keras.distribution.list_devices()[:devices]
    )
    keras.distribution.set_distribution(distribution)
    keras.utils.set_random_seed(0)
    model = NETWORKS[name]()
    scale = 2 if name == "dsrl" else 1
    images, labels = batch(scale)
    losses = {
        "segmentation": SegmentationCrossentropy(),
        "auxiliary": SegmentationCrossentropy(),
        "context_prior": OutputLoss() if name == "fused" else AffinityLoss(SIZE, 3),
        "super_resolution": "mse",
        "feature_affinity": OutputLoss(),
    }
    names = list(model.output) if isinstance(model.output, dict) else ["segmentation"]
    targets = {name: labels for name in names} | {
        "super_resolution": images.repeat(scale, 1).repeat(scale, 2) / 255,
        "feature_affinity": np.zeros(len(images)),
    }
    metric = MeanIoU(3)
    if isinstance(model.output, dict):
        losses = {name: losses[name] for name in names}
        targets = {name: targets[name] for name in names}
        metrics = {"segmentation": [metric]}
    else:
        losses, targets, metrics = losses["segmentation"], labels, [metric]
    model.compile(keras.optimizers.SGD(3e-4), losses, metrics=metrics)
    inputs = [images, labels] if name == "fused" else images
    options = {"batch_size": 8, "epochs": STEPS, "shuffle": False, "verbose": 0}
    history = model.fit(inputs, targets, **options).history
    (weight, *_) = model.trainable_weights
    assert len(weight.value.sharding.device_set) == devices
    return history


if __name__ == "__main__":
    print(json.dumps([train(sys.argv[1], devices) for devices in (1, 4)]))
