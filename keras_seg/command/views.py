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
    add("--overlap", type=float, default=1 / 3, help="overlap of windows; default: 1/3")
    add(
        "--blending",
        choices=["gaussian", "mean"],
        default="gaussian",
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


def views(args):
    """Returns the keyword arguments for `keras_seg.inference.prediction_model`."""
    names = ("window", "overlap", "blending", "scales", "flip")
    return {name: getattr(args, name) for name in names}
