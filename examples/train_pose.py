"""Trains a pose network with dual super-resolution learning, on drawn figures.

    python examples/train_pose.py
    python examples/train_pose.py --arms dual --epochs 40
    python examples/train_pose.py --backbone resnet18 --weights imagenet

DSRL is not limited to segmentation: this example wraps a pose network of plain Keras
layers. The network takes images of half size and finds the joints of a figure in one of
three ways:

    plain      heat maps at a quarter of the small image's size
    extended   an extended decoder, with heat maps of twice that size
    dual       also a second branch that reconstructs the full image, and the affinity
               loss between the features of both; removed for inference

Figures, steps and seed are the same for all. The score (PCK) is the share of joints
found within a fraction of the torso's length, in the full image.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before importing TensorFlow

import argparse
import pathlib

import keras
import numpy as np
import tensorflow as tf
from figures import BONES, KEYPOINTS, Figures, decode, heat_maps, pck
from PIL import Image, ImageDraw, ImageFont

from keras_seg import backbones, layers, losses, models
from keras_seg.data import low_resolution
from keras_seg.inference import flops
from keras_seg.training import named_targets
from keras_seg.visualization.legend import BACKGROUND, INK

SCALE = 2  # from the networks' input images to the full images
STRIDE = 4  # of the heat maps, in pixels of the image at their resolution
SIGMA = 1.0  # standard deviation of the Gaussians, in cells
# The paper's weight of 0.1 is for images with standard deviation 1; the equivalent for
# RGB / 255 is 2.
WEIGHTS = {"heat_maps": 1.0, "super_resolution": 2.0, "feature_affinity": 1.0}
ARMS = {"plain": ["heat_maps"], "extended": ["heat_maps"], "dual": list(WEIGHTS)}
FRACTIONS = (0.1, 0.2)
ENLARGED = 2  # scale from the full image to the picture
COLORS = {"neck": (255, 255, 255), "left": (255, 220, 0), "right": (0, 200, 255)}


def pose_network(args):
    """Builds a backbone with transposed convolutions up to a quarter of the image size.

    The design follows "Simple Baselines for Human Pose Estimation", ECCV 2018.
    """
    pyramid = backbones.build(args.backbone, args.output_stride, args.weights)
    image = keras.Input((None, None, 3), name="image")
    x = pyramid(image)["level5"]
    stride = args.output_stride
    while stride > STRIDE:
        x = keras.layers.Conv2DTranspose(
            args.filters, 4, strides=2, padding="same", use_bias=False
        )(x)
        x = keras.layers.BatchNormalization(momentum=0.9)(x)
        x = keras.layers.ReLU()(x)
        stride //= 2
    x = layers.ConvNorm(args.filters, 3, name="features")(x)
    maps = keras.layers.Conv2D(len(KEYPOINTS), 1, name="heat_maps")(x)
    return keras.Model(image, {"heat_maps": maps}, name="pose")


def build_arm(args, arm):
    """Builds the network of an arm, with its training-only parts."""
    keras.utils.set_random_seed(args.seed)
    network = pose_network(args)
    if arm == "plain":
        return network
    model = models.dual_super_resolution(
        network,
        scale=SCALE,
        encoder="backbone",
        features="features",
        output="heat_maps",
        extension="full",
        affinity_subscale=args.affinity_subscale,
        dropout_rate=0.0,
    )
    return models.select_outputs(model, ARMS[arm])


def heat_map_loss(true, predicted):
    """Computes the cross-entropy of a keypoint's position among the cells of its map.

    The usual squared error takes long to escape from the local minimum of maps of
    zeros. Invisible keypoints have no loss.
    """
    cells = (1, 2)
    scores = predicted - keras.ops.logsumexp(predicted, axis=cells, keepdims=True)
    mass = keras.ops.maximum(keras.ops.sum(true, axis=cells), 1e-6)
    return keras.ops.mean(-keras.ops.sum(true * scores, axis=cells) / mass, axis=-1)


def train(args, model, figures, stride):
    """Fits a model to figures; a cell has `stride` pixels of the full images."""
    images, keypoints, visible = figures
    maps = [
        heat_maps(*points, args.size, stride, SIGMA)
        for points in zip(keypoints, visible, strict=True)
    ]
    data = tf.data.Dataset.from_tensor_slices((images, np.stack(maps)))
    data = data.shuffle(len(images), args.seed).batch(args.batch_size)
    data = data.map(lambda image, target: (tf.cast(image, "float32"), target))

    loss = {
        "heat_maps": heat_map_loss,
        "super_resolution": keras.losses.MeanSquaredError(),
        "feature_affinity": losses.OutputLoss(),
    }
    schedule = keras.optimizers.schedules.CosineDecay(
        args.learning_rate, args.epochs * len(data)
    )
    model.compile(
        keras.optimizers.Adam(schedule),
        loss={name: loss[name] for name in model.output},
        loss_weights={name: WEIGHTS[name] for name in model.output},
    )
    data = data.map(named_targets(model, SCALE)).prefetch(2)
    model.fit(data, epochs=args.epochs, verbose=2)


def run_arm(args, arm, train_figures, test_figures):
    """Trains and tests an arm, and saves its inference model.

    Returns:
        The predicted points, the images that the second branch reconstructs or None,
        and a line of scores.
    """
    model = build_arm(args, arm)
    stride = STRIDE * SCALE if arm == "plain" else STRIDE
    train(args, model, train_figures, stride)

    images, keypoints, visible = test_figures
    small = low_resolution(images.astype("float32"), SCALE)
    network = models.inference_model(model, output="heat_maps")
    network.save(args.output / f"{arm}.keras")
    predicted = decode(network.predict(small, verbose=0), stride)
    found = [
        f"PCK@{fraction} {pck(predicted, keypoints, visible, fraction):5.1%}"
        for fraction in FRACTIONS
    ]
    score = (
        f"{arm:8}  {'  '.join(found)}  parameters: {model.count_params():,} in "
        f"training, {network.count_params():,} in inference, of "
        f"{flops(network, small.shape[1:3]) / 1e6:,.0f} MFLOPs an image"
    )
    if "super_resolution" not in model.output:
        return predicted, None, score
    branch = models.inference_model(model, output="super_resolution")
    return predicted, 255 * branch.predict(small[: args.pictures], verbose=0), score


def draw_figures(args, count, seed):
    """Returns arrays of images, of keypoints, and of whether these are visible."""
    images, keypoints, visible = zip(*Figures(count, args.size, seed), strict=True)
    return np.stack(images), np.stack(keypoints), np.stack(visible)


def enlarge(image, factor):
    """Returns an enlarged picture of an array, without smoothing."""
    image = np.clip(np.round(image), 0, 255).astype("uint8")
    return Image.fromarray(image.repeat(factor, axis=0).repeat(factor, axis=1))


def skeleton(image, points, visible):
    """Returns an enlarged image with the bones between visible joints."""
    picture = enlarge(image, ENLARGED)
    draw = ImageDraw.Draw(picture)
    for a, b in BONES:
        if visible[a] and visible[b]:
            ends = [tuple(points[end, ::-1] * ENLARGED - 0.5) for end in (a, b)]
            color = COLORS[KEYPOINTS[b].split()[0]]
            draw.line(ends, fill=INK, width=4)
            draw.line(ends, fill=color, width=2)
    return picture


def sheet(columns):
    """Returns one picture of titled columns of pictures."""
    font = ImageFont.load_default(size=15)
    width, height = next(iter(columns.values()))[0].size
    step, below = width + 8, height + 8
    rows = len(next(iter(columns.values())))
    picture = Image.new("RGB", (len(columns) * step, rows * below + 28), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    for left, (title, pictures) in enumerate(columns.items()):
        center = left * step + step // 2
        draw.text((center, 14), title, fill=INK, font=font, anchor="mm")
        for top, part in enumerate(pictures):
            picture.paste(part, (left * step + 4, top * below + 28))
    return picture


def main(args):
    if any(length % (SCALE * args.output_stride) for length in args.size):
        raise SystemExit(
            f"--size must be multiples of {SCALE * args.output_stride}, which is "
            f"{SCALE} times --output-stride. Received: {args.size}"
        )
    args.output.mkdir(parents=True, exist_ok=True)
    train_figures = draw_figures(args, args.figures, args.seed)
    test_figures = draw_figures(args, args.test_figures, args.seed + 1)

    images, *points = (array[: args.pictures] for array in test_figures)
    small = low_resolution(images.astype("float32"), SCALE).numpy()
    columns = {"seen": [enlarge(image, SCALE * ENLARGED) for image in small]}
    scores = []
    for arm in args.arms:
        predicted, reconstructed, score = run_arm(
            args, arm, train_figures, test_figures
        )
        if reconstructed is not None:
            columns["reconstructed"] = [enlarge(x, ENLARGED) for x in reconstructed]
        columns[arm] = list(map(skeleton, images, predicted, points[1]))
        scores.append(score)
    columns["true"] = list(map(skeleton, images, *points))
    sheet(columns).save(args.output / "predictions.png")
    print(*scores, sep="\n")
    print(f"models and predictions.png in {args.output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--arms", choices=list(ARMS), nargs="+", default=list(ARMS))
    add("--figures", type=int, default=3000, help="number of training figures")
    add("--test-figures", type=int, default=500)
    add("--size", type=int, nargs=2, default=(128, 96), help="size of the full images")
    add("--backbone", default="resnet10", help="see docs/guides/backbone_table.md")
    add("--weights", help='backbone weights, such as "imagenet"')
    add("--output-stride", type=int, choices=[8, 16, 32], default=8)
    add("--filters", type=int, default=64, help="filters of the decoder")
    add("--affinity-subscale", type=int, default=2)
    add("--batch-size", type=int, default=16)
    add("--epochs", type=int, default=6)
    add("--learning-rate", type=float, default=1e-3)
    add("--pictures", type=int, default=4, help="number of figures in the picture")
    add("--seed", type=int, default=0)
    add("--output", type=pathlib.Path, default=pathlib.Path("runs", "pose"))
    main(parser.parse_args())
