"""The options of windows, scales and mirrors that subcommands share."""


def add_views(parser):
    """Adds the options; `network_of_views` reads them."""
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


def network_of_views(model, args):
    """The model for inference that sees images as the options say."""
    from keras_seg.inference import multi_scale, sliding_window
    from keras_seg.models import inference_model

    network = inference_model(model)
    if args.window:
        options = {"overlap": args.overlap, "blending": args.blending}
        network = sliding_window(network, args.window, **options)
    if args.scales != [1.0] or args.flip:
        network = multi_scale(network, args.scales, args.flip)
    return network
