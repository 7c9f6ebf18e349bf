"""`keras-seg draw attention`: what a HANet's attention does to an image."""

from keras_seg.command.draw.figure import add_model_and_image, add_output, first, save
from keras_seg.command.files import load_model
from keras_seg.command.flags import check_folders

SUMMARY = "what a HANet does to an image"
DESCRIPTION = """\
Draws which channels a trained HANet lets pass at which height of an image.
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
    """Raises a ValueError if there is no folder for the figure."""
    check_folders(args.output)


def run(args):
    """Draws."""
    from keras_seg.data import read_image
    from keras_seg.models import attention_model, inference_model
    from keras_seg.visualization import attention_chart

    image = read_image(args.image)
    # Without the second input that some have: the image is a whole one.
    model = attention_model(inference_model(load_model(args.model)))
    maps = model(image[None].astype("float32"))
    save(attention_chart(first(maps), image), args)
