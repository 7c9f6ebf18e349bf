"""`keras-seg pack`: a data set as a few large files."""

from keras_seg.command.flags import add_data, add_split, check_data, open_data

SUMMARY = "a data set as a few large files, for network drives and object stores"
DESCRIPTION = """\
Writes a split of a data set as TFRecord files of many images each, and an index.json.
Images keep the bytes of their files where TensorFlow decodes them.

Packed splits that lie side by side are the data set `packed`.
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
    parser.add_argument("folder", help="to write into, also of another file system")
    group = add_data(parser)
    add_split(group, "train")
    parser.add_argument(
        "--images-per-shard", type=int, default=256, help="images in each file"
    )


def check(args):
    """Raises a ValueError where flags do not fit."""
    check_data(args)
    if args.images_per_shard < 1:
        raise ValueError("--images-per-shard must be 1 or more")


def run(args):
    """Packs the split, and says how many images there are."""
    from keras_seg.data import pack

    dataset = open_data(args)
    index = pack(dataset, args.folder, args.images_per_shard)
    print(f"{len(dataset)} images  {index}")
