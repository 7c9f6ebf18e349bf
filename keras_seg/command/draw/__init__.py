"""`keras-seg draw`: figures of data sets and of what networks learn.

Each figure is one module.
"""

SUMMARY = "draw figures of data sets and of what networks learn"
DESCRIPTION = """\
Draws the class frequencies of a data set by image height, or what a trained HANet,
CPNet or DSRL computes for an image.
"""
EXAMPLES = """\
examples:
  keras-seg draw heights --data camvid --data-dir CamVid
  keras-seg draw attention best.keras street.png
  keras-seg draw prior best.keras street.png --label label.png
  keras-seg draw resolution best.keras street.png --reduce
"""

_FIGURES = ("heights", "attention", "prior", "resolution")


def add_arguments(parser):
    """Adds a command for each figure."""
    from keras_seg.command.main import add_command

    subparsers = parser.add_subparsers(
        title="figures", metavar="<figure>", required=True
    )
    for name in _FIGURES:
        add_command(subparsers, name, f"keras_seg.command.draw.{name}")
