"""Flags that several commands take, each with one meaning."""

import argparse

from keras_seg.command.names import CLASS_TABLES, DATA_SETS

SIZE = {"type": int, "nargs": 2, "metavar": ("HEIGHT", "WIDTH")}
# For `--classes` and the like.
CLASSES = f"{', '.join(CLASS_TABLES)}, or a text file (`keras-seg palette --help`)"


def add_data(parser):
    """Adds the flags of the data set; `check_data` and `open_data` read them."""
    group = parser.add_argument_group("data")
    add = group.add_argument
    add(
        "--data",
        choices=DATA_SETS,
        default="scenes",
        help="data set (docs/guides/data_sets.md); procedural scenes by default",
    )
    add("--data-dir", help="its folder, also gs://...; scenes need none")
    add("--scenes", type=int, default=320, help="number of scenes to train on")
    _add_own_folder(parser.add_argument_group("files of --data folder").add_argument)
    return group


def _add_own_folder(add):
    add(
        "--label-map",
        type=_label_map,
        metavar="VALUE:CLASS,...",
        help="what values of label files mean: 0:0,255:1 for masks of two classes",
    )
    add("--ignore-class", type=int, metavar="VALUE", help="the label of no class: 255")
    add(
        "--label-colors",
        choices=["colors", "values"],
        help="what counts in label files with a palette; RGB files have colours alone",
    )
    add(
        "--ignore-unknown-colors",
        action="store_true",
        default=None,
        help="ignore pixels of colours that the file of classes does not list",
    )
    add("--image-name", metavar="NAME", help="of an image, such as {stem}_rgb.png")
    add("--label-name", metavar="NAME", help="of its label, such as {stem}_mask")
    add("--channels", type=int, help="of the images: 3")
    add_value_range(add)
    add_max_pixels(add)


def _label_map(text):
    from keras_seg.data.label_map import label_map

    try:
        return label_map(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_value_range(add):
    """Adds how images of more than 8 bits are scaled."""
    add(
        "--value-range",
        type=float,
        nargs="+",
        metavar="VALUE",
        help="black and white, or white alone, of images of more than 8 bits: 4095",
    )


def add_max_pixels(add):
    """Adds the limit for files."""
    add("--max-pixels", type=int, metavar="PIXELS", help="larger images are refused")


def image_options(args):
    """What the flags say of reading images, for `keras_seg.data.read_image`."""
    options = {}
    if args.value_range is not None:
        low_and_high = args.value_range
        options["value_range"] = (
            low_and_high[0] if len(low_and_high) == 1 else low_and_high
        )
    if args.max_pixels is not None:
        options["max_pixels"] = args.max_pixels
    return options


def folder_options(args):
    """What the flags say of the files of a folder, for `keras_seg.data.open_split`."""
    label_colors = {None: None, "colors": True, "values": False}[args.label_colors]
    return {
        "label_map": args.label_map,
        "ignore_class": args.ignore_class,
        "label_colors": label_colors,
        "ignore_unknown_colors": args.ignore_unknown_colors,
        "image_name": args.image_name,
        "label_name": args.label_name,
        "channels": args.channels,
        **image_options(args),
    }


def add_split(group, default):
    """Adds which part of the data set is read."""
    group.add_argument("--split", choices=["train", "val", "test"], default=default)


def check_data(args):
    """Raises a ValueError if a data set lacks its folder."""
    if args.data != "scenes" and args.data_dir is None:
        raise ValueError(f"--data {args.data} needs --data-dir")


def open_data(args):
    """The split of the data set that the flags name."""
    from keras_seg.data import open_split

    options = folder_options(args)
    return open_split(args.data, args.split, args.data_dir, args.scenes, **options)


def check_folders(*paths):
    """Raises an error if a file could not be written where a flag says."""
    for path in filter(None, paths):
        if not path.parent.is_dir():
            raise ValueError(f"There is no folder {path.parent} for {path.name}")
