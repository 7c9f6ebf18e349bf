"""Trains each paper's head and its baseline on one frozen backbone, to convergence.

Run:    python -m benchmarks.heads --data-dir CamVid --start runs/street.keras

`--start` is a trained model file. Its backbone (EfficientNetLite B0 at output stride 8)
is frozen: the features of 10 augmented passes over the training images, halved, are
computed once, and all heads are trained on them from scratch, so that a run of 12
epochs takes minutes on a CPU. The heads differ only in what the paper adds:

    plain     DeepLabV3+
    hanet     the same with height-driven attention
    fcn       two 3x3 convolutions and a classifier on the last level
    mixed     SPNet's head: mixed pooling instead of the convolutions
    no_prior  CPNet's convolution and classifier alone
    cpnet     the same with the context prior and its affinity loss

Networks are evaluated on the validation images at full size. Results are collected in
`results.jsonl` of the output folder; runs that are there already are not repeated.
"""

import argparse
import json
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before importing TensorFlow

import keras
import numpy as np
import tensorflow as tf

from benchmarks import ideas
from keras_seg import backbones, data, inference, layers, models, training

PASSES = 10
LEVELS = "level2", "level4", "level5"


def mixed(classes, pyramid):
    image = keras.Input(pyramid.input_shape[1:], name="image")
    x = models.extract_levels(pyramid, image)["level5"].tensor
    channels = x.shape[-1] // 2
    x = layers.ConvNorm(channels, 1)(x)
    for _ in range(2):
        x = layers.MixedPooling(((8, 10), (4, 5)))(x)
    x = layers.ConvNorm(channels // 2, 3)(x)
    x = keras.layers.SpatialDropout2D(0.1)(x)
    x = keras.layers.Conv2D(classes, 1)(x)
    return keras.Model(image, layers.ResizeLike(False, ideas.OUTPUT_STRIDE)([x, image]))


HEADS = {
    build.__name__: build
    for build in (
        ideas.plain,
        ideas.hanet,
        ideas.fcn,
        mixed,
        ideas.no_prior,
        ideas.cpnet,
    )
}
PAIRS = {"hanet": "plain", "mixed": "fcn", "cpnet": "no_prior"}


class Cached(keras.utils.PyDataset):
    """Shuffled batches of cached features, an epoch of one pass after the other."""

    def __init__(self, arrays, per_pass, batch_size, names, targets, seed):
        super().__init__()
        self.arrays, self.batch_size = arrays, batch_size
        self.per_pass, self.names, self.targets = per_pass, names, targets
        self.random = np.random.default_rng(seed)
        self.passes = []
        self.on_epoch_end()

    def __len__(self):
        return self.per_pass // self.batch_size

    def on_epoch_end(self):
        if not self.passes:
            self.passes = [*self.random.permutation(PASSES)]
        first = self.passes.pop() * self.per_pass
        self.order = first + self.random.permutation(self.per_pass)

    def __getitem__(self, index):
        rows = self.order[index * self.batch_size :][: self.batch_size]
        inputs = tuple(self.arrays[x][rows].astype("float32") for x in self.names)
        labels = self.arrays["labels"][rows].astype("int32")
        return inputs, {name: labels for name in self.targets} or labels


def compute(pyramid, train_set, batch_size):
    """Returns arrays of `PASSES` augmented passes over the training images."""
    batches = data.training_pipeline(
        train_set,
        batch_size,
        data.Augmentation(ideas.CROP, scale=(0.6, 1.8)),
        seed=0,
        cache=True,
        positions=True,
        class_balance=0.5,
    )
    image = keras.Input(pyramid.input_shape[1:])
    levels = models.extract_levels(pyramid, image)
    network = keras.Model(image, {name: levels[name].tensor for name in LEVELS})
    predict = tf.function(network)
    parts = []
    for index in range(PASSES):
        for (images, positions), labels in batches:
            found = predict(data.low_resolution(images, ideas.SCALE), training=False)
            part = {name: x.numpy().astype("float16") for name, x in found.items()}
            part["positions"] = positions.numpy()
            part["labels"] = labels[:, 1::2, 1::2].numpy().astype("uint8")
            parts.append(part)
        print(f"features: pass {index + 1} of {PASSES}", flush=True)
    count = len(parts) // PASSES * batch_size
    names = [*parts[0]]
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in names}
    # Heads take only the size of the image.
    shape = (len(arrays["labels"]), *ideas.SMALL_CROP, 3)
    arrays["image"] = np.broadcast_to(np.zeros((), "uint8"), shape)
    return arrays, count


def head_of(model):
    """Returns the part of a network after its backbone, and what its inputs are."""
    present = {layer.name: layer for layer in model.layers}
    levels = [name for name in LEVELS if f"{name}_crop" in present]
    tensors = [present[f"{name}_crop"].output for name in levels]
    head = keras.Model([*model.inputs, *tensors], model.output)
    return head, [*(x.name for x in model.inputs), *levels]


def train(name, seed, args, pyramid, features, train_set, val):
    """Trains a head and returns its result as a dict."""
    keras.utils.set_random_seed(seed)
    model = HEADS[name](train_set.num_classes, pyramid)
    head, names = head_of(model)
    targets = [*model.output] if isinstance(model.output, dict) else []
    batches = Cached(*features, args.batch_size, names, targets, seed)
    rate = training.learning_rate(
        "poly", args.learning_rate, args.epochs * len(batches), warmup=50
    )
    optimizer = training.AdamW(
        rate, weight_decay=args.weight_decay, use_ema=True, ema_momentum=0.99
    )
    loss = {output: ideas.loss_of(output, train_set) for output in targets}
    weights = {output: ideas.WEIGHTS.get(output, 1.0) for output in targets} or None
    loss = loss or ideas.loss_of("segmentation", train_set)
    head.compile(optimizer, loss, loss_weights=weights)
    start = time.perf_counter()
    history = head.fit(
        batches,
        epochs=args.epochs,
        callbacks=[training.AveragedWeights()],
        verbose=2,
    )
    seconds = time.perf_counter() - start
    # Keras cannot save a network of which a part became a model: a new one takes the
    # weights.
    model = HEADS[name](train_set.num_classes, pyramid)
    new = [
        layer for layer in model.layers if layer.weights and layer.name != "backbone"
    ]
    trained = [layer for layer in head.layers if layer.weights]
    for layer, source in zip(new, trained, strict=True):
        layer.set_weights(source.get_weights())
    path = args.output / f"{name}-{seed}-{args.epochs}.keras"
    model.save(path)
    network = ideas.full_size(model)
    found = inference.evaluate(
        network, val, train_set.class_names, train_set.ignore_class, boundaries=False
    )
    return {
        "network": name,
        "seed": seed,
        "epochs": args.epochs,
        "seconds": seconds,
        "loss": history.history["loss"][-1],
        "gflops": inference.flops(network, ideas.SIZE) / 1e9,
        "mean_iou": found["mean_iou"],
        "class_iou": found["class_iou"],
    }


def main(args):
    args.output.mkdir(parents=True, exist_ok=True)
    path = args.output / "results.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    results = [json.loads(line) for line in lines]
    train_set, val_set = data.open_splits("camvid", args.data_dir)
    val = data.evaluation_pipeline(val_set, 8)
    val = val.map(
        lambda images, labels: (data.low_resolution(images, ideas.SCALE), labels)
    )
    pyramid = backbones.build(ideas.BACKBONE, ideas.OUTPUT_STRIDE, args.start)
    pyramid.trainable = False
    features = None
    for seed in args.seeds:
        for name in args.networks:
            key = {"network": name, "seed": seed, "epochs": args.epochs}
            if any(key.items() <= result.items() for result in results):
                continue
            features = features or compute(pyramid, train_set, args.batch_size)
            result = train(name, seed, args, pyramid, features, train_set, val)
            results.append(result)
            with path.open("a") as file:
                file.write(json.dumps(result) + "\n")
            print(f"{name} {seed}: {result['mean_iou']:.1%}", flush=True)
    ideas.print_table([r for r in results if r["epochs"] == args.epochs])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data-dir", required=True, help="folder of CamVid")
    add("--start", required=True, help="model file whose backbone the networks have")
    add("--networks", nargs="+", choices=HEADS, default=[*HEADS])
    add("--seeds", type=int, nargs="+", default=[0, 1, 2])
    add("--epochs", type=int, default=12)
    add("--batch-size", type=int, default=8)
    add("--learning-rate", type=float, default=2e-3)
    add("--weight-decay", type=float, default=0.01)
    add("--output", type=pathlib.Path, default=pathlib.Path("runs/heads"))
    main(parser.parse_args())
