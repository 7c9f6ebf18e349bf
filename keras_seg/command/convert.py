"""`keras-seg convert`: the authors' checkpoints as Keras models."""

import argparse

from keras_seg.command.names import RELEASES
from keras_seg.local_path import local_path

SUMMARY = "convert a checkpoint of the papers' authors to a .keras file"
DESCRIPTION = """\
Converts a checkpoint trained with the papers' authors' code to a .keras file. PyTorch
is not required, and no code in the checkpoint is executed.

The file holds the whole network, which takes raw images, with its auxiliary head:

    model = keras.saving.load_model("spnet.keras")       # after import keras_seg
    logits = keras_seg.models.inference_model(model)(images)

docs/guides/checkpoints.md lists the published checkpoints.
"""

EXAMPLES = """\
examples:
  keras-seg convert train_epoch_120.pth --network spnet_resnet101 --num-classes 150 \\
      --output spnet.keras
  keras-seg convert best.pth --network hanet_resnet101_os8 --num-classes 19 \\
      --reduction-ratio 64 --output hanet.keras
  keras-seg convert iter_80000.pth --network cpnet_resnet50 --num-classes 150 \\
      --prior-size 64 64 --output cpnet.keras
"""


def add_arguments(parser):
    """Adds the flags."""
    # Options that are not given keep the network's defaults.
    parser.argument_default = argparse.SUPPRESS
    add, path = parser.add_argument, local_path
    add("checkpoint", type=path, help="the .pth file")
    add("--network", choices=RELEASES, required=True, help="the trained network")
    add("--num-classes", type=int, required=True, help="its number of classes")
    add("--output", type=path, required=True, help="the .keras file to write")
    add(
        "--no-auxiliary-head",
        dest="auxiliary_head",
        action="store_false",
        help="for checkpoints trained without an auxiliary head",
    )
    of_hanet = parser.add_argument_group("HANet")
    of_hanet.add_argument(
        "--reduction-ratio",
        type=int,
        help="second number of --hanet_set; default: 64 at output stride 8, 32 at "
        "16, and 16 with MobileNetV2",
    )
    of_hanet.add_argument(
        "--positions",
        action="store_true",
        help="add an input for row positions, for windows of larger images",
    )
    of_cpnet = parser.add_argument_group("CPNet")
    of_cpnet.add_argument(
        "--prior-size",
        type=int,
        nargs=2,
        metavar=("ROWS", "COLUMNS"),
        help="prior_size of the configuration; default: 64 64",
    )
    of_cpnet.add_argument("--filters", type=int, help="prior_channels; default: 512")
    of_cpnet.add_argument("--kernel-size", type=int, help="am_kernel_size; default: 11")
    of_cpnet.add_argument("--head-filters", type=int, help="channels; default: 512")
    of_cpnet.add_argument(
        "--in-channels", type=int, help="only for cpnet_head; default: 2048"
    )


def run(args):
    """Converts the checkpoint and prints a summary of the model."""
    from keras_seg.checkpoints import convert
    from keras_seg.checkpoints.released_model import options

    given = vars(args)
    known = {name for network in RELEASES for name in options(network)}
    chosen = {name: given[name] for name in known & given.keys()}
    model = convert(
        args.checkpoint, args.network, args.num_classes, args.output, **chosen
    )
    size = f"{model.count_params() / 1e6:.1f} M weights"
    print(f"{args.output}: {args.network}, {args.num_classes} classes, {size}")
