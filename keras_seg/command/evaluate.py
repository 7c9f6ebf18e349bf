"""`keras-seg evaluate`: what a model scores on a data set."""

import argparse
import contextlib
import pathlib
import sys

import tensorflow as tf
from PIL import Image

from keras_seg.command.files import load_model
from keras_seg.command.views import add_views, network_of_views
from keras_seg.data import evaluation_pipeline, open_split
from keras_seg.data.open_split import DATA_SETS
from keras_seg.inference import evaluate, evaluation_table, write_evaluation
from keras_seg.training import named_targets
from keras_seg.visualization import confusion_chart

_DESCRIPTION = """\
Evaluates a trained model, a .keras file, on the images of a data set: IoU, accuracy
and boundary F1 of each class, and the measures of all.
"""

_EPILOG = """\
examples:
  keras-seg evaluate best.keras --data camvid --data-dir CamVid
  keras-seg evaluate best.keras --data cityscapes --data-dir cityscapes \\
      --output evaluation.json --chart confusion.png
  keras-seg evaluate best.keras --data camvid --data-dir CamVid --window 160 224
  keras-seg evaluate dsrl.keras --data camvid --data-dir CamVid --upscale 2

docs/data_sets.md has the layouts of the data sets, docs/evaluation.md the measures.
"""


def add_parser(subparsers):
    """Adds the parser of the subcommand, and returns it."""
    parser = subparsers.add_parser(
        "evaluate",
        help="score a model on a data set",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add, path = parser.add_argument, pathlib.Path
    add("model", type=path, help="the .keras file")
    add("--data", choices=DATA_SETS, default="scenes", help="procedural ones if left")
    add("--data-dir", type=path, help="folder of the images, but for scenes")
    add("--split", choices=["train", "val", "test"], default="val")
    add("--scenes", type=int, default=320, help="number of scenes to train on")
    add("--batch-size", type=int, default=1, help="above 1 for images of one size")
    add("--upscale", type=int, default=1, help="of a DSRL: images are reduced by it")
    add("--no-boundaries", action="store_true", help="leave their F1 out: faster")
    add("--output", type=path, help="JSON file to write the result to")
    add("--chart", type=path, help="picture of the confusion matrix to write")
    add_views(parser)
    return parser


def run(args):
    """Evaluates, and prints and writes what was found."""
    if args.data != "scenes" and args.data_dir is None:
        raise ValueError(f"--data {args.data} needs --data-dir")
    for path in filter(None, (args.output, args.chart)):
        if not path.parent.is_dir():
            raise FileNotFoundError(f"There is no folder {path.parent} for {path.name}")
    model = load_model(args.model)
    data_set = open_split(args.data, args.split, args.data_dir, args.scenes)
    network = network_of_views(model, args)
    batches = evaluation_pipeline(data_set, args.batch_size)
    batches = batches.map(named_targets(network, args.upscale))
    options = {"boundaries": not args.no_boundaries, "verbose": 1}
    try:
        # So that the table alone is on standard output.
        with contextlib.redirect_stdout(sys.stderr):
            result = evaluate(network, batches, data_set.class_names, **options)
    except tf.errors.InvalidArgumentError as error:  # of an image in the pipeline
        raise ValueError(error.message.splitlines()[0]) from error
    print(evaluation_table(result))
    if args.output:
        write_evaluation(result, args.output)
    if args.chart:
        chart = confusion_chart(result["confusion_matrix"], data_set.class_names)
        Image.fromarray(chart).save(args.chart)
