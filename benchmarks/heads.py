"""Trains each paper's head and its baseline on one frozen backbone, to convergence.

Run:    python -m benchmarks.heads --data-dir CamVid --start runs/street.keras

`--start` is a trained model file. Its backbone (EfficientNetLite B0 at output stride 8)
is frozen: the features of 10 augmented passes over the training images, halved, are
computed once, and all heads are trained on them from scratch, so that a run of 12
epochs takes minutes on a CPU. The heads differ only in what the paper adds:

    plain     DeepLabV3+
    hanet     the same with height-driven attention
    half      the same with attention that starts at 0.5, as in the release, instead of
              near 1
    sssr      plain with DSRL's sub-pixel convolution, trained at the full size
    fcn       two 3x3 convolutions and a classifier on the last level
    mixed     SPNet's head: mixed pooling instead of the convolutions
    no_prior  CPNet's convolution and classifier alone
    cpnet     the same with the context prior and its affinity loss

Networks are evaluated on the validation images at full size. Results are collected in
`results.jsonl` of the output folder; runs that are there already are not repeated.
"""

import functools
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before importing TensorFlow

import keras
import numpy as np
import tensorflow as tf

from benchmarks import ideas
from keras_seg import backbones, data, layers, models, training

PASSES = 10
LEVELS = "level2", "level4", "level5"


def half(classes, pyramid):
    model = ideas.hanet(classes, pyramid)
    for layer in model.layers:
        if isinstance(layer, layers.HeightDrivenAttention):
            layer.third_conv.bias.assign(np.zeros(layer.third_conv.bias.shape))
    return model


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
        half,
        ideas.sssr,
        ideas.fcn,
        mixed,
        ideas.no_prior,
        ideas.cpnet,
    )
}
PAIRS = (
    ("plain", "hanet"),
    ("plain", "half"),
    ("plain", "sssr"),
    ("fcn", "mixed"),
    ("no_prior", "cpnet"),
)


class Cached(keras.utils.PyDataset):
    """Shuffled batches of cached features, an epoch of one pass after the other."""

    def __init__(self, arrays, per_pass, batch_size, names, model, seed):
        super().__init__()
        self.arrays, self.batch_size = arrays, batch_size
        self.per_pass, self.names = per_pass, names
        self.targets = [*model.output] if isinstance(model.output, dict) else []
        self.full_size = ideas.predicts_at_full_size(model)
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
        labels = labels if self.full_size else ideas.halved_labels(labels)
        return inputs, {name: labels for name in self.targets} or labels


@functools.cache
def backbone_of(start):
    """Returns the frozen backbone of a model file."""
    pyramid = backbones.build(ideas.BACKBONE, ideas.OUTPUT_STRIDE, start)
    pyramid.trainable = False
    return pyramid


@functools.cache
def features_of(start, train_set, batch_size):
    """Returns the arrays of `PASSES` augmented passes, and the images in a pass."""
    batches = ideas.augmented(train_set, batch_size, seed=0, positions=True)
    pyramid = backbone_of(start)
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
            part["labels"] = labels.numpy().astype("uint8")
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


def train(name, seed, args, train_set, val_set):
    """Trains a head and saves its network; returns its result as a dict."""
    features = features_of(args.start, train_set, args.batch_size)
    keras.utils.set_random_seed(seed)
    model = HEADS[name](train_set.num_classes, backbone_of(args.start))
    head, names = head_of(model)
    batches = Cached(*features, args.batch_size, names, model, seed)
    rate = training.learning_rate(
        "poly", args.learning_rate, args.epochs * len(batches), warmup=50
    )
    optimizer = training.AdamW(rate, weight_decay=0.01, use_ema=True, ema_momentum=0.99)
    ideas.compile_losses(head, optimizer, train_set)
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
    model = HEADS[name](train_set.num_classes, backbone_of(args.start))
    new = [
        layer for layer in model.layers if layer.weights and layer.name != "backbone"
    ]
    trained = [layer for layer in head.layers if layer.weights]
    for layer, source in zip(new, trained, strict=True):
        layer.set_weights(source.get_weights())
    model.save(args.output / f"{name}-{seed}-{args.epochs}.keras")
    loss = history.history["loss"][-1]
    return {"seconds": seconds, "loss": loss} | ideas.scores_of(model, val_set)


if __name__ == "__main__":
    flags = ideas.parser(__doc__, HEADS, 12, 2e-3, "runs/heads").parse_args()
    if not flags.start:
        raise SystemExit(
            "--start must be a model file, whose backbone the heads share."
        )
    ideas.run(flags, PAIRS, train)
