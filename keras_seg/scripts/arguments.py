import argparse
import pathlib

from keras_seg.backbones import names
from keras_seg.data.open_split import DATA_SETS
from keras_seg.scripts.segmentation_loss import LOSSES


def arguments(description, name):
    """The flags that every training script takes.

    Args:
        description: str. The head of the script, shown by `--help`.
        name: str. The network's name, for the folders of the run and of the export.

    Returns:
        `argparse.ArgumentParser`, to which a script adds its own.

    Example: `args = arguments(__doc__, "spnet").parse_args()`
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add, path = parser.add_argument, pathlib.Path
    add("--data", choices=DATA_SETS, default="scenes")
    add("--data-dir", type=path, help="folder of the images, but for scenes")
    add("--scenes", type=int, default=320, help="number of procedural scenes")
    add("--image-size", type=int, nargs=2, default=(96, 128), help="of the scenes")
    add("--backbone", default="small", help=", ".join(names()))
    add(
        "--weights", help='of the backbone: "imagenet", or a .keras or .weights.h5 file'
    )
    add("--output-stride", type=int, choices=[8, 16, 32], default=8)
    add("--crop", type=int, nargs=2, default=(64, 96), metavar=("HEIGHT", "WIDTH"))
    add("--scale", type=float, nargs=2, default=(0.5, 2.0), metavar=("LOW", "HIGH"))
    add("--batch-size", type=int, default=8, help="over all devices")
    add(
        "--class-balance",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="of the crops, drawn by class so that rare ones are seen; 0.5 is good",
    )
    add("--cache", action="store_true", help="keep the read images in memory")
    add("--val-batch-size", type=int, default=1)
    add("--val-every", type=int, default=1, metavar="EPOCHS")
    add("--epochs", type=int, default=5)
    add("--loss", choices=LOSSES, default="crossentropy", help="of the logits")
    add("--optimizer", choices=["sgd", "adamw"], default="adamw")
    add("--learning-rate", type=float, default=1e-3, help="the papers' SGD: 0.01")
    add(
        "--backbone-rate",
        type=float,
        default=1.0,
        metavar="FACTOR",
        help="of the backbone's learning rate; the papers: 0.1",
    )
    add(
        "--ema",
        type=float,
        metavar="MOMENTUM",
        help="evaluate and export the moving average of the weights: 0.999",
    )
    add("--weight-decay", type=float, default=1e-4)
    add("--seed", type=int, default=0)
    add("--deterministic", action="store_true", help="the same to the last digit")
    add("--tensorboard", action="store_true", help="needs keras-seg[tensorboard]")
    add("--output", type=path, default=path("runs", name), help="folder of the run")
    add("--overwrite", action="store_true", help="replace a finished run")
    add("--export", type=path, default=path("saved_models", name, "1"))
    return parser
