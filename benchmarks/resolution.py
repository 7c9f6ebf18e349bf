"""Asks how much accuracy a network loses by its resolution, as DSRL would regain it.

Run:    python -m benchmarks.heads --data-dir CamVid --start runs/street.keras \
            --networks plain sssr --seeds 0
        python -m benchmarks.resolution runs/heads/plain-0-12.keras \
            runs/heads/sssr-0-12.keras --data-dir CamVid

The first table has the mean IoU of the best logits at a stride of the full-size image:
they are fitted to the labels of validation images, and resized bilinearly. This is what
a network with such logits can reach at most. The second table shows where networks of
half-size images are wrong, by the distance of pixels to the next other label: the share
of pixels, how many of them are wrong, and the mean IoU if they were right.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before importing TensorFlow

import keras
import numpy as np
import tensorflow as tf

from benchmarks.ideas import SCALE, full_size
from keras_seg import data
from keras_seg.metrics import confusion_matrix, measures
from keras_seg.ops import resize_bilinear

STRIDES = 2, 4, 8, 16
LIMITS = 0, 2, 4, 8, 16  # of the bands of distances in pixels
STEPS = 60  # of Adam


def fitted_classes(labels, classes, stride, steps=STEPS):
    """Returns the classes of the best logits at a stride.

    Args:
        labels: int32 `(height, width)`, a multiple of the stride.
        classes: int. Other labels are ignored.
        stride: int.
        steps: int. Steps of the optimizer.
    """
    size = labels.shape
    targets = tf.one_hot(labels, classes)[None]
    cells = tf.nn.avg_pool2d(targets, stride, stride, "VALID")
    logits = tf.Variable(4 * cells)
    optimizer = keras.optimizers.Adam(0.3)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            large = resize_bilinear(logits, size)
            losses = tf.nn.softmax_cross_entropy_with_logits(targets, large)
            loss = tf.reduce_sum(losses)  # 0 where no class is labeled
        optimizer.apply([tape.gradient(loss, logits)], [logits])

    for _ in range(steps):
        step()
    return tf.argmax(resize_bilinear(logits, size), -1)[0].numpy()


def within(labels, distance):
    """Returns which pixels have another label in a square up to this distance."""
    if not distance:
        return np.zeros(labels.shape, bool)
    values = tf.cast(labels, "float32")[None, ..., None]
    high = tf.nn.max_pool2d(values, 2 * distance + 1, 1, "SAME")
    low = -tf.nn.max_pool2d(-values, 2 * distance + 1, 1, "SAME")
    return (high != low)[0, ..., 0].numpy()


def bands_of(labels):
    """Yields masks of the pixels between one limit and the next."""
    masks = [within(labels, limit) for limit in LIMITS]
    for near, far in zip(masks, [*masks[1:], np.ones_like(masks[0])], strict=True):
        yield far & ~near


def mean_iou_of(pairs, dataset):
    counts = [
        confusion_matrix(labels, classes, dataset.num_classes, dataset.ignore_class)
        for labels, classes in pairs
    ]
    return measures.mean_iou(sum(counts))


def predictions(path, dataset):
    """Yields labels and predicted classes of a network of half-size images."""
    network = full_size(keras.saving.load_model(path, compile=False))
    classes = tf.function(lambda images: tf.argmax(network(images), -1))
    for images, labels in data.evaluation_pipeline(dataset, 8):
        found = classes(data.low_resolution(images, SCALE))
        yield from zip(labels.numpy(), found.numpy(), strict=True)


def print_limits(labels, dataset):
    print("| stride of logits | best mean IoU |\n| --- | --- |")
    for stride in STRIDES:
        pairs = [(x, fitted_classes(x, dataset.num_classes, stride)) for x in labels]
        print(f"| {stride} | {mean_iou_of(pairs, dataset):.1%} |", flush=True)


def print_errors(path, dataset):
    pairs = [*predictions(path, dataset)]
    bands = [[*bands_of(labels)] for labels, _ in pairs]
    valid = [~np.isin(labels, dataset.ignore_class) for labels, _ in pairs]
    pixels = sum(x.sum() for x in valid)
    print(f"\n{path}: {mean_iou_of(pairs, dataset):.1%}\n")
    print("| pixels from a border | share | of these wrong | mean IoU if right |")
    print("| --- | --- | --- | --- |")
    for index, limit in enumerate(LIMITS):
        corrected, counted, wrong = [], 0, 0
        for (labels, classes), masks, known in zip(pairs, bands, valid, strict=True):
            corrected.append((labels, np.where(masks[index], labels, classes)))
            part = masks[index] & known
            counted += part.sum()
            wrong += (labels != classes)[part].sum()
        best = mean_iou_of(corrected, dataset)
        row = f"{counted / pixels:.1%} | {wrong / counted:.1%} | {best:.1%}"
        last = LIMITS[index + 1] if index + 1 < len(LIMITS) else "any"
        print(f"| {limit + 1} to {last} | {row} |", flush=True)


def main(args):
    _, val = data.open_splits("camvid", args.data_dir)
    places = np.linspace(0, len(val) - 1, args.images).astype(int)
    print_limits([np.asarray(val[index][1], "int32") for index in places], val)
    for path in args.models:
        print_errors(path, val)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "models", nargs="*", help="of benchmarks.heads or benchmarks.ideas"
    )
    parser.add_argument("--data-dir", required=True, help="folder of CamVid")
    parser.add_argument("--images", type=int, default=24, help="for the best logits")
    main(parser.parse_args())
