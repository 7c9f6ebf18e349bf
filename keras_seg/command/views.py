"""Flags for sliding windows and test-time augmentation."""


def add_views(parser):
    """Adds the flags, which `views` reads."""
    group = parser.add_argument_group("sliding windows and test-time augmentation")
    add = group.add_argument
    add(
        "--window",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="predict in windows of this size, which limits memory use",
    )
    add("--overlap", type=float, help="overlap of windows; default: 1/3")
    add(
        "--blending",
        choices=["gaussian", "mean"],
        help="weights of a window's pixels: gaussian, highest in the middle (default), "
        "or mean, equal everywhere",
    )
    add(
        "--scales",
        type=float,
        nargs="+",
        default=[1.0],
        metavar="SCALE",
        help="average over these scales of the image, such as 0.75 1 1.25",
    )
    add("--flip", action="store_true", help="also average over the mirrored image")


def check_views(args):
    """Raises a ValueError if a flag of windows is given without their size."""
    for name in ("overlap", "blending"):
        value = getattr(args, name)
        if value is not None and args.window is None:
            raise ValueError(f"--{name} needs --window. Received: --{name} {value}")


def views(args):
    """Returns the keyword arguments for `keras_seg.inference.prediction_model`."""
    names = ("window", "overlap", "blending", "scales", "flip")
    found = {name: getattr(args, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}
