"""Trains the networks of `benchmarks.ideas` for long, on one GPU.

Run:    KERAS_BACKEND=jax python -m benchmarks.ideas_jax --data-dir CamVid

Networks, losses, optimizer and the distribution of crops are those of
`benchmarks.ideas`. All images are in the memory of the GPU and crops are made there, so
that an epoch is one compiled loop: such small networks wait for their images otherwise.
JAX's GPU build is not among the requirements of keras_seg; on a CPU, this is slow.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"  # before importing Keras

import functools
import math
import time

import jax
import keras
import numpy as np
from jax import numpy as jnp

from benchmarks.ideas import (
    BACKBONE,
    CROP,
    NETWORKS,
    OUTPUT_STRIDE,
    PAIRS,
    WEIGHTS,
    adamw,
    full_size,
    losses_of,
    parser,
    predicts_at_full_size,
    run,
)
from keras_seg import backbones, models, ops
from keras_seg._keras_private import weight_averages
from keras_seg.data.balanced_order import balanced_order
from keras_seg.metrics import confusion_matrix
from keras_seg.metrics.measures import class_iou, mean_iou
from keras_seg.ops.positions import PADDING

# Of `keras_seg.data.Augmentation`: its defaults, but for the scale.
ZOOM = 0.6, 1.8
BRIGHTNESS, CONTRAST, SATURATION, HUE = 0.2, 0.2, 0.2, 0.02
LUMA = np.array([0.299, 0.587, 0.114])
IGNORED = 255


class Draws:
    """Draws crops as `training_pipeline` does, half of them around a class.

    Args:
        labels: uint8 array `(images, height, width)`.
        num_classes: int.
        crop: (height, width) of the crops.
        seed: int.
    """

    def __init__(self, labels, num_classes, crop, seed):
        self.size, self.crop = np.array(labels.shape[1:]), np.array(crop)
        self.rng = np.random.default_rng(seed)
        flat = labels.reshape(len(labels), -1)
        pixels = [np.bincount(x, minlength=256)[:num_classes] for x in flat]
        self.class_pixels = np.array(pixels)
        # The pixels of a class are consecutive in this order.
        self.by_class = np.argsort(flat, axis=1, kind="stable").astype("uint32")
        self.first = np.cumsum(self.class_pixels, axis=1) - self.class_pixels

    def epoch(self, batch_size):
        """Returns a dict of arrays `(steps, batch_size, ...)`."""
        rng = self.rng
        order = rng.permutation(len(self.class_pixels))
        count = len(order) // batch_size * batch_size
        order, focus = balanced_order(order[:count], self.class_pixels, 0.5, rng)
        zoom = np.exp(rng.uniform(*np.log(ZOOM), (count, 1)))
        scaled = np.round(self.size * zoom)
        share, spare = rng.random((count, 2)), scaled - self.crop
        offset = np.sign(spare) * np.floor(share * (np.abs(spare) + 1))
        for i in np.flatnonzero(focus >= 0):
            image, drawn = order[i], focus[i]
            rank = rng.integers(self.class_pixels[image, drawn])
            pixel = self.by_class[image, self.first[image, drawn] + rank]
            pixel = np.array(np.unravel_index(pixel, self.size))
            around = np.floor((pixel + 0.5) * scaled[i] / self.size)
            around = np.clip(around - np.floor(share[i] * self.crop), 0, spare[i])
            offset[i] = np.where(spare[i] > 0, around, offset[i])
        signed = 2 * rng.random((count, 4)) - 1
        matrices = [
            (1 + CONTRAST * contrast) * color_matrix(1 + SATURATION * s, HUE * hue)
            for contrast, s, hue in signed[:, 1:]
        ]
        draws = {
            "image": order.astype("int32"),
            "scaled": scaled.astype("int32"),
            "offset": offset.astype("int32"),
            "flip": rng.random(count) < 0.5,
            "matrix": np.array(matrices, "float32"),
            "contrast": (1 + CONTRAST * signed[:, 1]).astype("float32"),
            "brightness": (255 * BRIGHTNESS * signed[:, 0]).astype("float32"),
        }
        return {k: x.reshape(-1, batch_size, *x.shape[1:]) for k, x in draws.items()}


def color_matrix(saturation, hue):
    """Returns the matrix of `keras_seg.data`'s change of saturation and hue."""
    saturate = saturation * np.eye(3) + (1 - saturation) * LUMA[:, None]
    angle = 2 * math.pi * hue
    cross = np.array([[0, 1, -1], [-1, 0, 1], [1, -1, 0]]) / math.sqrt(3)
    turn = math.cos(angle) * np.eye(3) + (1 - math.cos(angle)) / 3
    return saturate @ (turn + math.sin(angle) * cross)


def crop_sample(images, labels, draw, crop):
    """Returns the crop of one image, its label and the positions of its rows."""
    image, label = images[draw["image"]], labels[draw["image"]]
    size, scaled = jnp.array(label.shape), draw["scaled"]
    moved = jax.image.scale_and_translate(
        image.astype("float32"),
        (*crop, 3),
        (0, 1),
        scaled / size,
        -draw["offset"].astype("float32"),
        "linear",
        antialias=True,
    )
    targets = [jnp.arange(side) + draw["offset"][i] for i, side in enumerate(crop)]
    inside = [(t >= 0) & (t < s) for t, s in zip(targets, scaled, strict=True)]
    rows, columns = (
        jnp.clip((2 * t + 1) * s // (2 * now), 0, s - 1)
        for t, s, now in zip(targets, label.shape, scaled, strict=True)
    )
    covered = inside[0][:, None] & inside[1]
    moved = jnp.where(covered[..., None], moved, image.mean((0, 1)))
    label = jnp.where(covered, label[rows][:, columns], IGNORED)
    positions = ops.row_positions(rows, labels.shape[1])
    positions = jnp.where(inside[0], positions, PADDING)
    moved, label = (
        jnp.where(draw["flip"], x[:, ::-1], x) for x in (moved, label.astype("int32"))
    )
    mean = (1 - draw["contrast"]) * moved.mean((0, 1)) + draw["brightness"]
    matrix = draw["matrix"] / draw["contrast"]
    moved = jnp.clip(moved @ draw["matrix"] + mean @ matrix, 0, 255)
    return moved, label, positions


def halved(images):
    shape = images.shape
    blocks = images.reshape(len(images), shape[1] // 2, 2, shape[2] // 2, 2, 3)
    return blocks.mean((2, 4))


def targets_of(model, images, labels):
    """Returns the targets of a network's outputs, as `training.named_targets` does."""
    info = models.network_info(model)
    if not isinstance(model.output, dict):
        return labels
    made = {
        "labels": labels,
        "image": images / 255,
        None: jnp.zeros(len(images)),
    }
    return {name: made.get(x.target, made[None]) for name, x in info.outputs.items()}


def epoch_function(model, optimizer, loss):
    """Returns the compiled function of an epoch, from its state to the next.

    Args:
        model: `keras.Model`.
        optimizer: a built optimizer of its variables.
        loss: loss of its output, or dict of those of its outputs.
    """
    with_positions = "positions" in models.network_info(model).inputs.values()
    whole = predicts_at_full_size(model)

    def loss_and_state(trainable, others, images, labels, positions):
        small, rows = halved(images), positions[:, 1::2]
        if not whole:
            labels = labels[:, 1::2, 1::2]
        outputs, others = model.stateless_call(
            trainable, others, [small, rows] if with_positions else small, training=True
        )
        targets = targets_of(model, images, labels)
        if not isinstance(outputs, dict):
            return loss(targets, outputs), others
        values = [
            WEIGHTS.get(name, 1.0) * loss[name](targets[name], outputs[name])
            for name in outputs
        ]
        return sum(values), others

    def step(images, labels, state, draw):
        trainable, others, moments = state
        cut = functools.partial(crop_sample, images, labels, crop=CROP)
        batch = jax.vmap(cut)(draw)
        gradient = jax.value_and_grad(loss_and_state, has_aux=True)
        (value, others), grads = gradient(trainable, others, *batch)
        trainable, moments = optimizer.stateless_apply(moments, grads, trainable)
        return (trainable, others, moments), value

    @functools.partial(jax.jit, donate_argnums=0)
    def epoch(state, images, labels, draws):
        state, values = jax.lax.scan(
            functools.partial(step, images, labels), state, draws
        )
        return state, values.mean()

    return epoch


class Trainer:
    """Trains one network from several seeds; its epoch is compiled once.

    Args:
        model: `keras.Model`.
        optimizer: an optimizer with `use_ema=True`.
        loss: loss of the model's output, or dict of those of its outputs.
    """

    def __init__(self, model, optimizer, loss):
        optimizer.build(model.trainable_variables)
        self.model, self.averages = model, weight_averages(optimizer)
        self.variables = (
            model.trainable_variables,
            model.non_trainable_variables,
            optimizer.variables,
        )
        self.initial = _values(optimizer.variables)
        self.epoch = epoch_function(model, optimizer, loss)

    def fit(self, images, labels, draws, epochs, batch_size):
        """Trains from the model's weights, gives it averaged ones; returns the loss."""
        state = [*map(_values, self.variables[:2]), self.initial]
        state = tuple([jnp.asarray(x) for x in part] for part in state)
        images, labels = jnp.asarray(images), jnp.asarray(labels)
        start = time.perf_counter()
        for done in range(epochs):
            state, value = self.epoch(state, images, labels, draws.epoch(batch_size))
            if done < 2 or done % 10 == 9:
                value = float(value)  # waits for the GPU
                seconds = time.perf_counter() - start
                print(f"epoch {done + 1}: loss {value:.4f}, {seconds:.1f} s")
        for part, values in zip(self.variables, state, strict=True):
            _assign(part, values)
        _assign(self.model.trainable_variables, self.averages)
        return float(value)


def _values(variables):
    """Returns copies as NumPy arrays: JAX would compile an operation for each shape."""
    return [np.array(keras.ops.convert_to_numpy(v)) for v in variables]


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(keras.ops.convert_to_numpy(value))


class Evaluator:
    """Counts the pixels of each true and predicted class; compiled once.

    Args:
        network: `keras.Model` from halved images to logits of the labels' size.
        num_classes: int.
        batch_size: int.
    """

    def __init__(self, network, num_classes, batch_size=32):
        self.variables = network.trainable_variables, network.non_trainable_variables
        self.num_classes, self.batch_size = num_classes, batch_size

        @jax.jit
        def classes(variables, batch):
            batch = halved(batch.astype("float32"))
            logits, _ = network.stateless_call(*variables, batch)
            return logits.argmax(-1).astype("uint8")

        self.classes = classes

    def confusion(self, images, labels):
        """Returns the `confusion_matrix` of all images."""
        variables = tuple([v.value for v in part] for part in self.variables)
        size, matrix = self.batch_size, 0
        for i in range(0, len(images), size):
            # The last batch is filled up, so that the network is compiled once.
            shown, truth = images[i : i + size], labels[i : i + size]
            batch = np.resize(shown, (size, *shown.shape[1:]))
            found = np.asarray(self.classes(variables, batch))[: len(shown)]
            matrix += confusion_matrix(truth, found, self.num_classes, IGNORED)
        return matrix


@functools.cache
def arrays(dataset):
    """Returns the images and labels of a data set as two uint8 arrays."""
    images, labels = zip(*dataset, strict=True)
    return np.stack(images).astype("uint8"), np.stack(labels).astype("uint8")


def build(name, dataset, weights):
    pyramid = backbones.build(BACKBONE, OUTPUT_STRIDE, weights)
    return NETWORKS[name](dataset.num_classes, pyramid)


@functools.cache
def trainer(name, dataset, steps, rate, weights):
    """Returns the `Trainer` and the `Evaluator` of a network."""
    model = build(name, dataset, weights)
    trained = Trainer(model, adamw(rate, steps), losses_of(model, dataset))
    return trained, Evaluator(full_size(model), dataset.num_classes)


def train(name, seed, args, train_set, val_set):
    """Trains a network; returns its loss, seconds and scores as a dict."""
    images, labels = arrays(train_set)
    steps = args.epochs * (len(images) // args.batch_size)
    weights = args.start or "imagenet"
    trained, evaluator = trainer(name, train_set, steps, args.learning_rate, weights)
    keras.utils.set_random_seed(seed)
    model = trained.model
    model.set_weights(build(name, train_set, weights).get_weights())
    draws = Draws(labels, train_set.num_classes, CROP, seed)
    start = time.perf_counter()
    last = trained.fit(images, labels, draws, args.epochs, args.batch_size)
    seconds = time.perf_counter() - start
    model.save_weights(args.output / f"{name}-{seed}-{args.epochs}.weights.h5")
    confusion = evaluator.confusion(*arrays(val_set))
    return {
        "seconds": seconds,
        "loss": last,
        "mean_iou": float(mean_iou(confusion)),
        "class_iou": class_iou(confusion).tolist(),
    }


if __name__ == "__main__":
    flags = parser(__doc__, NETWORKS, 40, 1.5e-3, "runs/ideas_jax")
    flags.set_defaults(batch_size=16)
    run(flags.parse_args(), PAIRS, train)
