"""Flags that several commands take, each with one meaning."""

import pathlib

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
        help="the data set (docs/data_sets.md); by default procedural street scenes",
    )
    add("--data-dir", type=pathlib.Path, help="its folder; scenes need none")
    add("--scenes", type=int, default=320, help="number of scenes to train on")
    return group


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

    return open_split(args.data, args.split, args.data_dir, args.scenes)


def check_folders(*paths):
    """Raises an error if a file could not be written where a flag says."""
    for path in filter(None, paths):
        if not path.parent.is_dir():
            raise ValueError(f"There is no folder {path.parent} for {path.name}")
