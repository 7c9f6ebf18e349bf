"""`keras-seg palette`: the names and colors of classes."""

from keras_seg.command.names import CLASS_TABLES
from keras_seg.local_path import local_path

SUMMARY = "print names and colors of classes"
DESCRIPTION = """\
Prints the name and color of each class of a data set, or of a text file with one class
per line.

In your own text file, a color may follow each name:

    road   #804080
    car    #00008e
"""

EXAMPLES = """\
examples:
  keras-seg palette camvid
  keras-seg palette camvid > classes.txt      # edit, then pass to --classes
  keras-seg palette classes.txt --legend legend.png
"""


def add_arguments(parser):
    """Adds the flags."""
    add = parser.add_argument
    add("classes", help=f"{', '.join(CLASS_TABLES)}, or a text file")
    add("--legend", type=local_path, help="image file to draw a legend into")
    add("--width", type=int, default=600, help="legend width in pixels; default: 600")


def run(args):
    """Prints the classes in the format that `--classes` reads."""
    from PIL import ImageFont

    from keras_seg.data import class_table
    from keras_seg.storage.replacing import replacing
    from keras_seg.visualization.legend import draw_legend

    names, palette = class_table(args.classes)
    width = max(map(len, names))
    for name, color in zip(names, palette, strict=True):
        print(f"{name:<{width}}  #{bytes(color.tolist()).hex()}")
    if args.legend:
        font = ImageFont.load_default(size=16)
        with replacing(args.legend) as unfinished:
            draw_legend(palette, names, args.width, font).save(unfinished)
