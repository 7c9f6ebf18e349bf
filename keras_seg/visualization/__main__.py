"""Draws what height-driven attention, context priors and DSRL are about.

    python -m keras_seg.visualization heights --data camvid --data-dir CamVid
    python -m keras_seg.visualization attention best.keras street.png
    python -m keras_seg.visualization prior best.keras street.png --label label.png
    python -m keras_seg.visualization resolution best.keras street.png --reduce

`heights` draws how often each class occurs at each height of a data set's images, and
prints the entropies. `attention` draws which channels a trained HANet lets pass at
which height of an image. `prior` draws which cells of an image share a class, as a
trained CPNet sees it and by the label, and prints how well it tells them apart.
`resolution` draws what a trained DSRL makes of an image, or with --reduce of the image
at a fraction of its size, and how far its two branches agree.
"""

import argparse
import pathlib

import keras

from keras_seg import data, layers, models
from keras_seg.command.files import load_model
from keras_seg.data.open_split import DATA_SETS
from keras_seg.visualization.affinity import cell_classes, pair_scores
from keras_seg.visualization.attention_chart import attention_chart
from keras_seg.visualization.class_entropy import class_entropy
from keras_seg.visualization.height_chart import height_chart
from keras_seg.visualization.prior_chart import prior_chart
from keras_seg.visualization.resolution_chart import resolution_chart

_BRANCHES = "segmentation", "super_resolution"
_PROBE = 64  # pixels: where a model takes any size, to ask for that of its output


def main():
    """Runs a command; what is wrong with its files becomes a message and status 1."""
    parser = _parser()
    args = parser.parse_args()
    try:
        args.run(args)
    except (OSError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    print(f"{'picture':>12}  {args.output}")


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m keras_seg.visualization",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    path = pathlib.Path
    names = "{heights,attention,prior,resolution}"
    commands = parser.add_subparsers(required=True, metavar=names)
    heights = commands.add_parser("heights", help="classes by height in a data set")
    heights.set_defaults(run=_heights)
    add = heights.add_argument
    add("--data", choices=DATA_SETS, default="scenes")
    add("--data-dir", type=path, help="folder of the images, but for scenes")
    add("--split", choices=["train", "val", "test"], default="train")
    add("--scenes", type=int, default=320, help="number of procedural scenes")
    add("--output", type=path, default=path("heights.png"))

    attention = commands.add_parser("attention", help="what a HANet does to an image")
    attention.set_defaults(run=_attention)
    add = attention.add_argument
    add("model", type=path, help="a HANet, saved as a .keras file")
    add("image", type=path)
    add("--output", type=path, default=path("attention.png"))

    prior = commands.add_parser("prior", help="which cells share a class to a CPNet")
    prior.set_defaults(run=_prior)
    add = prior.add_argument
    add("model", type=path, help="a CPNet, saved as a .keras file")
    add("image", type=path)
    add("--label", type=path, help="PNG whose values are the classes")
    pair = {"type": int, "nargs": 2, "metavar": ("Y", "X"), "action": "append"}
    add("--point", **pair, help="pixel whose row to draw, for one or several points")
    add("--ignore-class", type=int, default=255, help="value of unlabelled pixels")
    add("--class-names", nargs="+", metavar="NAME", help="of class 0, 1 and so on")
    add("--output", type=path, default=path("prior.png"))

    resolution = commands.add_parser("resolution", help="what a DSRL makes of an image")
    resolution.set_defaults(run=_resolution)
    add = resolution.add_argument
    add("model", type=path, help="a DSRL, saved as a .keras file")
    add("image", type=path)
    add(
        "--reduce",
        action="store_true",
        help="the image is the original: reduce it for the model, and compare",
    )
    add("--point", **pair, help="pixel of the output whose similarities to draw")
    add("--class-names", nargs="+", metavar="NAME", help="of class 0, 1 and so on")
    add("--output", type=path, default=path("resolution.png"))
    return parser


def _heights(args):
    if args.data != "scenes" and args.data_dir is None:
        raise ValueError(f"--data {args.data} needs --data-dir")
    dataset = data.open_split(args.data, args.split, args.data_dir, args.scenes)
    counts = data.class_heights(dataset)
    figure = height_chart(counts, dataset.palette, dataset.class_names)
    figure.savefig(args.output)

    thirds = counts.reshape(3, -1, dataset.num_classes).sum(axis=1)
    names = ("whole image", "upper third", "middle third", "lower third")
    entropies = class_entropy([thirds.sum(axis=0), *thirds])
    for name, entropy in zip(names, entropies, strict=True):
        print(f"{name:>12}  {entropy:.2f} nats")


def _attention(args):
    image = data.read_image(args.image)
    model = load_model(args.model)
    # Without the second input that some have: the image is a whole one.
    model = models.attention_model(models.inference_model(model))
    maps = model(image[None].astype("float32"))
    attention_chart(_first(maps), image).savefig(args.output)


def _prior(args):
    image = data.read_image(args.image)
    labels = None if args.label is None else data.read_label(args.label)
    model = models.prior_model(load_model(args.model))
    (size,) = (
        layer.prior_size
        for layer in model.layers
        if isinstance(layer, layers.ContextPriorLayer)
    )
    prior = keras.ops.convert_to_numpy(model(image[None].astype("float32")))[0]
    options = {"ignore_class": args.ignore_class, "class_names": args.class_names}
    figure = prior_chart(prior, size, image, labels, args.point, **options)
    figure.savefig(args.output)

    print(f"{'prior':>12}  {prior.min():.3f} to {prior.max():.3f}")
    print(f"{'mean':>12}  {prior.mean(dtype='float64'):.3f}")
    if labels is not None:
        classes = cell_classes(labels, size, args.ignore_class)
        scores = pair_scores(prior, classes)
        names = ("same class", "different", "AUC")
        for name, score in zip(names, scores, strict=True):
            print(f"{name:>12}  {score:.3f}")


def _resolution(args):
    image, original = data.read_image(args.image), None
    model = load_model(args.model)
    # Each from the image alone, without the second input that some have.
    affinity, *branches = (
        models.inference_model(model, output=name)
        for name in ("feature_affinity", *_BRANCHES)
    )
    features = models.affinity_model(affinity)
    if args.reduce:
        image, original = _reduce(image, _scale(branches[0]))
    inputs = image[None].astype("float32")
    prediction = dict(
        zip(_BRANCHES, (branch(inputs) for branch in branches), strict=True)
    )
    figure = resolution_chart(
        image,
        _first(prediction),
        _first(features(inputs)),
        original,
        args.point,
        class_names=args.class_names,
    )
    figure.savefig(args.output)


def _scale(model):
    """By how much what a model predicts is larger than the image."""
    shape = (1, *(side or _PROBE for side in model.input.shape[1:3]), 3)
    return model.compute_output_shape(shape)[1] // shape[1]


def _reduce(original, scale):
    """The image for a model, and what of the original belongs to it."""
    rows, columns = (side // scale for side in original.shape[:2])
    if not rows * columns:
        raise ValueError(
            f"An image to reduce must have {scale} x {scale} pixels or more. "
            f"Received: {original.shape[0]} x {original.shape[1]}"
        )
    reduced = data.low_resolution(original[None].astype("float32"), scale)[0]
    image = keras.ops.convert_to_numpy(reduced)
    return image, original[: rows * scale, : columns * scale]


def _first(batches):
    """Of a dict of batches of one."""
    return {name: keras.ops.convert_to_numpy(x)[0] for name, x in batches.items()}


if __name__ == "__main__":
    main()
