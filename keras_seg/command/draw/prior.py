"""`keras-seg draw prior`: the context prior of a CPNet for an image."""

from keras_seg.command.draw.figure import (
    POINT,
    add_classes,
    add_model_and_image,
    add_output,
    class_names,
    save,
)
from keras_seg.command.files import load_model
from keras_seg.command.flags import check_folders
from keras_seg.local_path import local_path

SUMMARY = "a CPNet's context prior: which cells share a class"
DESCRIPTION = """\
Draws which cells of an image share a class according to a trained CPNet and to the
label, and prints how well the prior tells pairs of cells of the same class from others.
"""
EXAMPLES = """\
example:
  keras-seg draw prior runs/cpnet/best.keras street.png --label label.png
"""


def add_arguments(parser):
    """Adds the flags."""
    add_model_and_image(parser, "CPNet")
    add = parser.add_argument
    add("--label", type=local_path, help="PNG whose values are class indices")
    add("--point", **POINT, help="pixel whose row of the prior to draw; repeatable")
    add("--ignore-class", type=int, default=255, help="label of ignored pixels")
    add_classes(parser)
    add_output(parser, "prior.png")


def check(args):
    """Raises a ValueError if the figure's folder does not exist."""
    check_folders(args.output)


def run(args):
    """Draws the prior and prints its statistics."""
    import keras

    from keras_seg.data import read_image, read_label
    from keras_seg.layers import ContextPriorLayer
    from keras_seg.models import prior_model
    from keras_seg.visualization import prior_chart
    from keras_seg.visualization.visible import visible

    labels = None if args.label is None else read_label(args.label)
    model = prior_model(load_model(args.model))
    image = read_image(args.image, model.inputs[0].shape[-1])
    (layer,) = (x for x in model.layers if isinstance(x, ContextPriorLayer))
    size = layer.prior_size
    prior = keras.ops.convert_to_numpy(model(image[None].astype("float32")))[0]
    options = {"ignore_class": args.ignore_class, "class_names": class_names(args)}
    figure = prior_chart(prior, size, visible(image), labels, args.point, **options)
    print(f"{'prior':>12}  {prior.min():.3f} to {prior.max():.3f}")
    print(f"{'mean':>12}  {prior.mean(dtype='float64'):.3f}")
    if labels is not None:
        _print_scores(prior, labels, size, args.ignore_class)
    save(figure, args)


def _print_scores(prior, labels, size, ignore_class):
    from keras_seg.visualization.affinity import cell_classes, pair_scores

    scores = pair_scores(prior, cell_classes(labels, size, ignore_class))
    for name, score in zip(("same class", "different", "AUC"), scores, strict=True):
        print(f"{name:>12}  {score:.3f}")
