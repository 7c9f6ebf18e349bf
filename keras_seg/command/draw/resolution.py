"""`keras-seg draw resolution`: the outputs of a DSRL for an image."""

from keras_seg.command.draw.figure import (
    POINT,
    add_classes,
    add_model_and_image,
    add_output,
    class_names,
    first,
    save,
)
from keras_seg.command.files import load_model
from keras_seg.command.flags import check_folders

SUMMARY = "a DSRL's reconstruction, segmentation and feature affinity"
DESCRIPTION = """\
Draws the outputs of a trained DSRL for an image, or with --reduce for the image reduced
by the model's scale, and how well its two branches agree.
"""
EXAMPLES = """\
example:
  keras-seg draw resolution runs/dsrl/best.keras street.png --reduce
"""

_BRANCHES = "segmentation", "super_resolution"


def add_arguments(parser):
    """Adds the flags."""
    add_model_and_image(parser, "DSRL")
    parser.add_argument(
        "--reduce",
        action="store_true",
        help="reduce the image for the model, and compare with the original",
    )
    parser.add_argument(
        "--point",
        **POINT,
        help="pixel of the output whose similarities to draw; repeatable",
    )
    add_classes(parser)
    add_output(parser, "resolution.png")


def check(args):
    """Raises a ValueError if the figure's folder does not exist."""
    check_folders(args.output)


def run(args):
    """Draws the outputs and saves the figure."""
    from keras_seg.data import read_image
    from keras_seg.models import affinity_model, inference_model, network_info
    from keras_seg.visualization import resolution_chart

    image, original = read_image(args.image), None
    model = load_model(args.model)
    features = affinity_model(model)
    # Each branch takes only the image: a "positions" input, if any, is dropped.
    branches = [inference_model(model, output=name) for name in _BRANCHES]
    if args.reduce:
        image, original = _reduce(image, network_info(model).scale)
    inputs = image[None].astype("float32")
    prediction = dict(
        zip(_BRANCHES, (branch(inputs) for branch in branches), strict=True)
    )
    figure = resolution_chart(
        image,
        first(prediction),
        first(features(inputs)),
        original,
        args.point,
        class_names=class_names(args),
    )
    save(figure, args)


def _reduce(original, scale):
    """Returns the reduced image and the part of the original that it covers."""
    import keras

    from keras_seg.data import low_resolution

    rows, columns = (side // scale for side in original.shape[:2])
    if not rows * columns:
        raise ValueError(
            f"An image to reduce must have {scale} x {scale} pixels or more. "
            f"Received: {original.shape[0]} x {original.shape[1]}"
        )
    reduced = low_resolution(original[None].astype("float32"), scale)[0]
    image = keras.ops.convert_to_numpy(reduced)
    return image, original[: rows * scale, : columns * scale]
