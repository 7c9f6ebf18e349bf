"""`keras-seg pack`: pack a data set into a few large files."""

import contextlib
import sys

from keras_seg.command.flags import add_data, add_split, check_data, open_data

SUMMARY = "pack a data set into large files for network drives and object stores"
DESCRIPTION = """\
Writes a split of a data set as TFRecord files of many images each, with an index.json.
Image files in a format that TensorFlow decodes are stored unchanged.

Packed splits in one folder are read as the data set `packed`.
"""

EXAMPLES = """\
examples:
  keras-seg pack cityscapes-packed/train --data cityscapes --data-dir cityscapes
  keras-seg pack gs://bucket/cityscapes/val --data cityscapes --data-dir cityscapes \\
      --split val
  keras-seg evaluate best.keras --data packed --data-dir gs://bucket/cityscapes
"""


def add_arguments(parser):
    """Adds the flags."""
    parser.add_argument("folder", help="folder to write to, local or remote")
    group = add_data(parser)
    add_split(group, "train")
    parser.add_argument(
        "--images-per-shard",
        type=int,
        default=256,
        help="images in each file; default: 256",
    )


def check(args):
    """Raises a ValueError if flags are invalid."""
    check_data(args)
    if args.images_per_shard < 1:
        raise ValueError("--images-per-shard must be 1 or more")


def run(args):
    """Packs the split and prints the number of images."""
    import keras

    from keras_seg.data import pack

    dataset = open_data(args)
    bar = keras.utils.Progbar(len(dataset), unit_name="image")

    def progress(written):
        with contextlib.redirect_stdout(sys.stderr):
            bar.update(written)

    index = pack(dataset, args.folder, args.images_per_shard, progress)
    print(f"{len(dataset)} images  {index}")
