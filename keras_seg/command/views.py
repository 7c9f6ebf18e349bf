"""The options of windows, scales and mirrors that subcommands share."""


def add_views(parser):
    """Adds the options; `views` reads them."""
    group = parser.add_argument_group("how an image is seen")
    add = group.add_argument
    add(
        "--window",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="in windows of so many pixels, which bounds the memory",
    )
    add("--overlap", type=float, default=1 / 3, help="of windows, 1/3 by default")
    add(
        "--blending",
        choices=["gaussian", "mean"],
        default="gaussian",
        help="of windows: by the distance from their middle, by default, or alike",
    )
    add(
        "--scales",
        type=float,
        nargs="+",
        default=[1.0],
        metavar="SCALE",
        help="averaged over the image at several sizes, such as 0.75 1 1.25",
    )
    add("--flip", action="store_true", help="averaged with the mirrored image too")


def views(args):
    """The options of `keras_seg.inference.prediction_model` by name."""
    names = ("window", "overlap", "blending", "scales", "flip")
    return {name: getattr(args, name) for name in names}
