"""Trains a small network in a process of its own and prints its losses and metrics.

    python -m tests.scale.train SPNet --replicas 4 --steps 20
    python -m tests.scale.train SPNet --folder run --epochs 3     (of several workers)

The images are blocks of colors that tell the class, of many brightnesses. Among each
eight labels some are whole, some half void and some nearly; and in every third batch
the last four are void altogether: all that one replica of two has, and two of four.
"""

import argparse
import contextlib
import json
import pathlib

import keras
import numpy as np
import tensorflow as tf

import keras_seg
from keras_seg.data import SegmentationDataset

HEIGHT, WIDTH, VOID = 32, 48, 255


class Blocks(SegmentationDataset):
    """A data set of 24 images as above."""

    def __init__(self):
        super().__init__(("dark", "medium", "bright"), ignore_class=VOID)

    def __len__(self):
        return 24

    def __getitem__(self, index):
        rng = np.random.default_rng(index)
        label = rng.integers(0, 3, (4, 6)).repeat(8, axis=0).repeat(8, axis=1)
        colors = rng.uniform(0, 80, (HEIGHT, WIDTH, 3)) + 85 * label[..., None]
        colors *= rng.uniform(0.2, 1, 3)
        # No two pixels alike: where they are, rounding decides which is the largest.
        image = np.clip(colors + rng.normal(0, 8, colors.shape), 0, 255).astype("uint8")
        void = (0.0, 0.5, 0.95, 0.2, 0.9, 0.0, 1.0, 0.7)[index % 8]
        if index < 8 and index >= 4:
            void = 1.0
        label[: round(HEIGHT * void)] = VOID
        return image, label.astype("int32")


class Curves(keras.callbacks.Callback):
    """Losses and metrics of the epoch so far, after each step."""

    def __init__(self):
        super().__init__()
        self.steps = []

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append({name: float(value) for name, value in logs.items()})


def on_replicas(name, replicas, steps, positions, weights):
    """Curves over batches in one order on so many devices of this machine."""
    from tests.scale.networks import build

    scope = contextlib.nullcontext()
    if keras.backend.backend() == "tensorflow":
        devices = [f"CPU:{index}" for index in range(replicas)]
        scope = tf.distribute.MirroredStrategy(devices).scope()
    data = Blocks()
    images, labels = map(np.stack, zip(*[data[i] for i in range(24)], strict=True))
    inputs = images.astype("float32")
    if positions:
        rows = np.arange(HEIGHT, dtype="int32") * 128 // HEIGHT
        inputs = inputs, np.tile(rows, (24, 1))
    batches = tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(8)
    with scope:
        model, targets = build(name)
    start_with(model, weights)
    curves = Curves()
    batches = batches.repeat().take(steps).map(targets)
    model.fit(batches, callbacks=[curves], verbose=0, shuffle=False)
    return curves.steps


def start_with(model, path):
    """Weights from a file, or into it where there is none yet."""
    if path is not None and path.exists():
        with np.load(path) as stored:
            model.set_weights([stored[f"arr_{i}"] for i in range(len(stored))])
    elif path is not None:
        np.savez(path, *model.get_weights())


def on_workers(name, folder, epochs, positions):
    """Logs of epochs on the machines of TF_CONFIG, and the score by them together."""
    from keras_seg import training
    from keras_seg.data import evaluation_pipeline, training_pipeline
    from keras_seg.training.backup import epochs_done
    from keras_seg.training.worker import worker

    strategy = training.distribution_strategy()
    from tests.scale.networks import build

    with strategy.scope():
        model, targets = build(name)
    first = epochs_done(f"{folder}/backup", strategy)
    shard = worker()
    train = training_pipeline(
        Blocks(), 6, positions=positions, first_epoch=first, shard=shard
    )
    val = evaluation_pipeline(Blocks(), 18, positions, shard)
    train, val = (
        training.distribute_batches(batches.map(targets), strategy)
        for batches in (train, val)
    )
    history = model.fit(
        train,
        epochs=epochs,
        validation_data=val,
        callbacks=training.callbacks(
            folder, "val_segmentation_mean_iou", class_names=Blocks().class_names
        ),
        shuffle=False,
        verbose=0,
    ).history
    count = len(history["loss"])
    return [{name: values[i] for name, values in history.items()} for i in range(count)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network")
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--folder")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--policy", default="float32")
    parser.add_argument("--no-xla", action="store_true")
    parser.add_argument("--weights", type=pathlib.Path, help="to start with")
    args = parser.parse_args()
    tf.config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy(args.policy)
    keras_seg.set_xla(not args.no_xla)
    positions = args.network == "HANet"
    if args.folder:
        found = on_workers(args.network, args.folder, args.epochs, positions)
    else:
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0],
            [tf.config.LogicalDeviceConfiguration()] * args.replicas,
        )
        found = on_replicas(
            args.network, args.replicas, args.steps, positions, args.weights
        )
    print(json.dumps(found))
