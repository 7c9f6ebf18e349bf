"""`keras-seg evaluate`: the scores of a model on a data set."""

import contextlib
import sys

from keras_seg.command.files import load_model, reading_error, save_figure
from keras_seg.command.flags import (
    MODEL,
    add_data,
    add_split,
    check_data,
    check_folders,
    open_data,
)
from keras_seg.command.views import add_views, check_views, views
from keras_seg.local_path import local_path

SUMMARY = "evaluate a model on a data set"
DESCRIPTION = """\
Evaluates a trained model on the images of a data set and prints IoU, accuracy and
boundary F1 for each class and overall.
"""

EXAMPLES = """\
examples:
  keras-seg evaluate best.keras --data camvid --data-dir CamVid
  keras-seg evaluate best.keras --data cityscapes --data-dir cityscapes \\
      --output evaluation.json --chart confusion.png
  keras-seg evaluate best.keras --data camvid --data-dir CamVid --window 160 224

docs/guides/data_sets.md describes the layouts, docs/guides/evaluation.md the metrics.
"""


def add_arguments(parser):
    """Adds the flags."""
    add, path = parser.add_argument, local_path
    add("model", type=path, help=MODEL)
    add(
        "--batch-size",
        type=int,
        default=1,
        help="default: 1; larger batches need images of one size",
    )
    add("--no-boundaries", action="store_true", help="skip boundary F1, which is slow")
    add("--output", type=path, help="JSON file for the results")
    add("--chart", type=path, help="image file for the confusion matrix")
    add_split(add_data(parser), "val")
    add_views(parser)


def check(args):
    """Raises a ValueError if flags conflict."""
    check_data(args)
    check_views(args)
    check_folders(args.output, args.chart)


def run(args):
    """Evaluates the model, then prints and writes the results."""
    import tensorflow as tf

    from keras_seg.data import evaluation_pipeline
    from keras_seg.inference import evaluate, evaluation_table, write_evaluation
    from keras_seg.models import network_info
    from keras_seg.visualization import confusion_chart

    model = load_model(args.model)
    if network_info(model).independent_classes:
        if args.chart:
            raise ValueError(
                "--chart needs a model of one class for each pixel. Received: "
                f"{args.model}, whose classes are independent"
            )
        if args.data == "folder":
            args.independent_classes = True
    data_set = open_data(args)
    _check_classes(args, model, data_set)
    batches = evaluation_pipeline(data_set, args.batch_size)
    options = views(args) | {"boundaries": not args.no_boundaries, "verbose": 1}
    try:
        # Only the table goes to standard output.
        with contextlib.redirect_stdout(sys.stderr):
            result = evaluate(
                model,
                batches,
                data_set.class_names,
                data_set.ignore_class,
                **options,
            )
    except tf.errors.InvalidArgumentError as error:  # an image in the pipeline
        raise ValueError(reading_error(error)) from error
    print(evaluation_table(result))
    if args.output:
        write_evaluation(result, args.output)
    if args.chart:
        figure = confusion_chart(result["confusion_matrix"], data_set.class_names)
        save_figure(figure, args.chart)


def _check_classes(args, model, data_set):
    """Raises a ValueError if the model has another number of classes than the data."""
    from keras_seg.models import inference_model, network_info

    count = network_info(inference_model(model)).num_labels
    if data_set.num_classes != count:
        raise ValueError(
            f"{args.model} must have the classes of the data: "
            f"{', '.join(data_set.class_names)}. Received: a model of {count} classes "
            f"for {data_set.num_classes}"
        )
