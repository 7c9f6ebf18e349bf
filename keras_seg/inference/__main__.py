"""Evaluates a trained model, on whole images or window by window.

    python -m keras_seg.inference best.keras --data camvid --data-dir CamVid
    python -m keras_seg.inference best.keras --data camvid --data-dir CamVid \\
        --window 160 224
    python -m keras_seg.inference best.keras --data camvid --data-dir CamVid \\
        --upscale 2

prints IoU, accuracy and boundary F1 of each class, and the measures of all.
"""

import argparse
import pathlib

import keras
from PIL import Image

from keras_seg.data import evaluation_pipeline, open_split
from keras_seg.data.open_split import DATA_SETS
from keras_seg.inference.evaluate import evaluate
from keras_seg.inference.evaluation_table import evaluation_table
from keras_seg.inference.sliding_window import sliding_window
from keras_seg.inference.write_evaluation import write_evaluation
from keras_seg.models import inference_model
from keras_seg.training import named_targets
from keras_seg.visualization import confusion_chart


def main():
    """Evaluates; what is wrong with the files becomes a message and status 1."""
    parser = _parser()
    args = parser.parse_args()
    try:
        print(evaluation_table(_evaluate(args)))
    except (OSError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m keras_seg.inference",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add, path = parser.add_argument, pathlib.Path
    add("model", type=path, help="a .keras file")
    add("--data", choices=DATA_SETS, default="scenes")
    add("--data-dir", type=path, help="folder of the images, but for scenes")
    add("--split", choices=["train", "val", "test"], default="val")
    add("--scenes", type=int, default=320, help="number of scenes to train on")
    add("--batch-size", type=int, default=1, help="above 1 for images of one size")
    add("--upscale", type=int, default=1, help="of a DSRL: images are reduced by it")
    add("--window", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"))
    add("--overlap", type=float, default=1 / 3, help="of neighbouring windows")
    add("--blending", choices=["gaussian", "mean"], default="gaussian")
    add("--output", type=path, help="JSON file to write the result to")
    add("--chart", type=path, help="picture of the confusion matrix to write")
    return parser


def _evaluate(args):
    if args.data != "scenes" and args.data_dir is None:
        raise ValueError(f"--data {args.data} needs --data-dir")
    model = keras.saving.load_model(args.model, compile=False)
    data_set = open_split(args.data, args.split, args.data_dir, args.scenes)
    if args.window:
        options = {"overlap": args.overlap, "blending": args.blending}
        model = sliding_window(model, args.window, **options)
    model = inference_model(model)
    batches = evaluation_pipeline(data_set, args.batch_size)
    batches = batches.map(named_targets(model, args.upscale))
    result = evaluate(model, batches, data_set.class_names)
    if args.output:
        write_evaluation(result, args.output)
    if args.chart:
        chart = confusion_chart(result["confusion_matrix"], data_set.class_names)
        Image.fromarray(chart).save(args.chart)
    return result


if __name__ == "__main__":
    main()
