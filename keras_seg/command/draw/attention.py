"""`keras-seg draw attention`: a HANet's attention for an image."""

from keras_seg.command.draw.figure import add_model_and_image, add_output, first, save
from keras_seg.command.files import load_model
from keras_seg.command.flags import check_folders

SUMMARY = "a HANet's attention by image height"
DESCRIPTION = """\
Draws how strongly a trained HANet weights each channel at each height of an image.
"""
EXAMPLES = """\
example:
  keras-seg draw attention runs/hanet/best.keras street.png --output attention.png
"""


def add_arguments(parser):
    """Adds the flags."""
    add_model_and_image(parser, "HANet")
    add_output(parser, "attention.png")


def check(args):
    """Raises a ValueError if the figure's folder does not exist."""
    check_folders(args.output)


def run(args):
    """Draws the attention and saves the figure."""
    from keras_seg.data import read_image
    from keras_seg.models import attention_model, inference_model
    from keras_seg.visualization import attention_chart
    from keras_seg.visualization.visible import visible

    # Drops the "positions" input, if any: a whole image does not need it.
    model = attention_model(inference_model(load_model(args.model)))
    image = read_image(args.image, model.inputs[0].shape[-1])
    maps = model(image[None].astype("float32"))
    save(attention_chart(first(maps), visible(image)), args)
