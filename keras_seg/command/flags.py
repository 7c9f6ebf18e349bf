"""Flags shared by several commands."""

import argparse

from keras_seg.command.label_map import label_map
from keras_seg.command.names import CLASS_TABLES, DATA_SETS
from keras_seg.local_path import local_path
from keras_seg.storage.remote_path import RemotePath, remote_path

SIZE = {"type": int, "nargs": 2, "metavar": ("HEIGHT", "WIDTH")}
# Help text for trained models.
MODEL = "a .keras file, or the name of a preset, such as hanet_b1_camvid"
# Help text for `--classes`.
CLASSES = f"{', '.join(CLASS_TABLES)}, or a text file (`keras-seg palette --help`)"


def add_data(parser):
    """Adds the data set flags, which `check_data` and `open_data` read."""
    group = parser.add_argument_group("data")
    add = group.add_argument
    add(
        "--data",
        choices=DATA_SETS,
        default="scenes",
        help="data set (docs/guides/data_sets.md); default: procedural scenes",
    )
    add("--data-dir", help="data folder, local or gs://...; not needed for scenes")
    add(
        "--scenes",
        type=int,
        default=320,
        help="number of training scenes; default: 320",
    )
    _add_own_folder(parser.add_argument_group("files of --data folder").add_argument)
    return group


def _add_own_folder(add):
    add(
        "--label-map",
        type=_label_map,
        metavar="VALUE:CLASS,...",
        help="class of each value in label files, such as 0:0,255:1 for binary masks",
    )
    add(
        "--ignore-class",
        type=int,
        metavar="VALUE",
        help="label of ignored pixels; default: 255",
    )
    add(
        "--label-colors",
        choices=["colors", "values"],
        help="how to read label files with a palette; RGB files always hold colors",
    )
    add(
        "--ignore-unknown-colors",
        action="store_true",
        default=None,
        help="ignore pixels whose color the file of classes does not list",
    )
    add("--image-name", metavar="NAME", help="image file name, such as {stem}_rgb.png")
    add("--label-name", metavar="NAME", help="label file name, such as {stem}_mask")
    add(
        "--independent-classes",
        action="store_true",
        default=None,
        help="a pixel may have any number of the classes: labels are binary masks in "
        "a folder for each class (train/masks/CLASS), or as --label-name states, such "
        "as {stem}_{class}",
    )
    add(
        "--missing-masks",
        choices=["error", "absent", "ignored"],
        help="meaning of an image without the mask of a class; default: error",
    )
    add("--channels", type=int, help="number of image channels; default: 3")
    add_value_range(add)
    add_max_pixels(add)


def _label_map(text):
    try:
        return label_map(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_value_range(add):
    """Adds the flag that scales images of more than 8 bits."""
    add(
        "--value-range",
        type=float,
        nargs="+",
        metavar="VALUE",
        help="values of black and white, or of white only, in images of more than 8 "
        "bits, such as 4095",
    )


def add_max_pixels(add):
    """Adds the flag that limits the size of image files."""
    add("--max-pixels", type=int, metavar="PIXELS", help="reject larger images")


def image_options(args):
    """Returns the keyword arguments for `keras_seg.data.read_image`."""
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
    """Returns the keyword arguments for a folder in `keras_seg.data.open_split`."""
    label_colors = {None: None, "colors": True, "values": False}[args.label_colors]
    return {
        "label_map": args.label_map,
        "ignore_class": args.ignore_class,
        "label_colors": label_colors,
        "ignore_unknown_colors": args.ignore_unknown_colors,
        "image_name": args.image_name,
        "label_name": args.label_name,
        "independent_classes": args.independent_classes,
        "missing_masks": args.missing_masks,
        "channels": args.channels,
        **image_options(args),
    }


def location(text):
    """Returns the path that a flag names, local or on a file system such as gs://.

    Whether TensorFlow supports the file system is only checked by `check_locations`.
    """
    return remote_path(text) if "://" in text else local_path(text)


def check_locations(args):
    """Raises a ValueError if a path is on a file system that TensorFlow lacks."""
    for value in vars(args).values():
        if isinstance(value, RemotePath):
            value.require_file_system()


def add_split(group, default):
    """Adds the flag for the split of the data set."""
    group.add_argument("--split", choices=["train", "val", "test"], default=default)


def check_data(args):
    """Raises a ValueError if the folder is missing, or has no use."""
    if args.data == "scenes" and args.data_dir is not None:
        raise ValueError(
            "--data scenes, the default, has no --data-dir. For your own images, pass "
            f"--data folder. Received: --data-dir {args.data_dir}"
        )
    if args.data != "scenes" and args.data_dir is None:
        raise ValueError(f"--data {args.data} needs --data-dir")


def open_data(args):
    """Returns the split of the data set that the flags name."""
    from keras_seg.data import open_split

    options = folder_options(args)
    return open_split(args.data, args.split, args.data_dir, args.scenes, **options)


def check_folders(*paths):
    """Raises a ValueError if the folder of a file to write does not exist."""
    for path in filter(None, paths):
        if not path.parent.is_dir():
            raise ValueError(f"There is no folder {path.parent} for {path.name}")
