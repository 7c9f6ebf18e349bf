"""`keras-seg export`: export to SavedModel, ONNX or LiteRT."""

import itertools

from keras_seg.command.files import image_files, load_model, model_classes
from keras_seg.command.flags import (
    CLASSES,
    MODEL,
    SIZE,
    add_max_pixels,
    add_value_range,
    image_options,
    location,
)
from keras_seg.command.views import add_views, check_views, views
from keras_seg.local_path import local_path
from keras_seg.positive_integer import require_positive_integer

SUMMARY = "export a model for TensorFlow Serving, ONNX or LiteRT"
DESCRIPTION = """\
Exports a trained model to the format that the path names:

  saved_models/<name>/<version>   a SavedModel for TensorFlow Serving
  <name>.onnx                     for ONNX Runtime and OpenVINO; needs keras-seg[onnx]
  <name>.tflite                   for LiteRT; needs keras-seg[litert] and --size

The exported model takes raw images and returns class maps. Each export is loaded in its
runtime and checked against the model before it is saved.
"""

EXAMPLES = """\
examples:
  keras-seg export runs/spnet/best.keras saved_models/spnet/2 --classes camvid
  keras-seg export best.keras saved_models/spnet/3 --window 480 480 --flip
  keras-seg export best.keras spnet.onnx --size 512 1024
  keras-seg export best.keras spnet.tflite --size 360 480 --quantization int8 \\
      --images CamVid/train
"""
_REPRESENTATIVE = 100  # images; more hardly change the quantization ranges


def add_arguments(parser):
    """Adds the flags."""
    add, path = parser.add_argument, local_path
    add("model", type=path, help=MODEL)
    add("path", type=location, help="the folder or file to write, local or gs://...")
    add("--overwrite", action="store_true", help="replace an existing export")
    add_views(parser)

    add = parser.add_argument_group("SavedModel").add_argument
    add(
        "--classes",
        metavar="CLASSES",
        help=f"class names and colors to store in the export: {CLASSES}; default: "
        "those of a preset",
    )
    add("--encoded-size", **SIZE, help="size to resize the files of one request to")
    add(
        "--bucket",
        **SIZE,
        action="append",
        help="pad images to the smallest of these sizes; repeatable",
    )
    add("--batching", action="store_true", help="let the server merge requests")

    add = parser.add_argument_group("ONNX and LiteRT").add_argument
    add("--size", **SIZE, help="image size; default for ONNX: any size")
    add("--batch-size", type=int, help="default: any for ONNX, 1 for LiteRT")
    add(
        "--outputs",
        nargs="+",
        choices=["classes", "probabilities", "logits"],
        default=["classes"],
    )
    add("--quantization", choices=["float16", "int8"], help="only for LiteRT")
    add(
        "--images",
        type=path,
        nargs="+",
        help="representative images, or folders of them, for int8; at most "
        f"{_REPRESENTATIVE} are used",
    )
    add_value_range(add)
    add_max_pixels(add)


def run(args):
    """Exports the model and prints a summary of the export."""
    from keras_seg.export import export_litert, export_onnx, export_saved_model
    from keras_seg.inference import prediction_model

    kind = _kind(args.path)
    if args.path.exists() and not args.overwrite:
        raise FileExistsError(
            f"{args.path} is there already. Choose another path, or pass --overwrite "
            "to replace it"
        )
    model = load_model(args.model)
    if args.window or args.flip or args.scales != [1.0]:
        model = prediction_model(model, full_size=False, **views(args))
    if kind == "SavedModel":
        names, palette = model_classes(args.model, args.classes)
        path = export_saved_model(
            model,
            args.path,
            args.overwrite,
            class_names=names,
            palette=palette,
            encoded_size=args.encoded_size,
            buckets=args.bucket,
            batching=args.batching,
        )
    else:
        options = {"outputs": args.outputs, "overwrite": args.overwrite}
        if args.batch_size is not None:
            options["batch_size"] = args.batch_size
        if kind == "ONNX":
            path = export_onnx(model, args.path, args.size, **options)
        else:
            options["quantization"] = args.quantization
            if args.images:
                options["representative_images"] = _images(
                    args.images,
                    args.size,
                    model.inputs[0].shape[-1],
                    **image_options(args),
                )
            path = export_litert(model, args.path, args.size, **options)
    print(f"{path}: {kind}, {_size(path) / 1e6:.1f} MB, same outputs as the model")


def _size(path):
    """Returns the size of a file or folder in bytes."""
    import tensorflow as tf

    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(tf.io.gfile.stat(str(file)).length for file in files)


def _kind(path):
    return {".onnx": "ONNX", ".tflite": "LiteRT"}.get(path.suffix, "SavedModel")


def check(args):
    """Raises a ValueError if a flag would have no effect."""
    check_views(args)
    if args.batch_size is not None:
        require_positive_integer("--batch-size", args.batch_size)
    kind = _kind(args.path)
    if kind == "SavedModel" and not args.path.name.isdecimal():
        raise ValueError(
            "The path must end in .onnx, .tflite or a version number, such as "
            f"saved_models/{args.path.stem}/1. Received: {args.path}"
        )
    of_kinds = {
        "classes": ["SavedModel"],
        "encoded_size": ["SavedModel"],
        "bucket": ["SavedModel"],
        "batching": ["SavedModel"],
        "size": ["ONNX", "LiteRT"],
        "batch_size": ["ONNX", "LiteRT"],
        "quantization": ["LiteRT"],
        "images": ["LiteRT"],
    }
    for name, kinds in of_kinds.items():
        if getattr(args, name) and kind not in kinds:
            flag = f"--{name.replace('_', '-')}"
            raise ValueError(
                f"{flag} is for {' and '.join(kinds)}. Received: {args.path}, which "
                f"would be {kind}"
            )
    if args.outputs != ["classes"] and kind == "SavedModel":
        raise ValueError(
            "--outputs is not for a SavedModel, which has a signature for each output"
        )
    if bool(args.images) != (args.quantization == "int8"):
        raise ValueError("--quantization int8 needs --images, which is only for int8")
    if (args.value_range or args.max_pixels) and not args.images:
        raise ValueError("--value-range and --max-pixels are for --images")
    if args.images and not args.size:
        raise ValueError("--images needs --size, to which the images are resized")


def _images(sources, size, channels, **reading):
    """Yields images of the exported size, sampled evenly from the sources."""
    import numpy as np
    from PIL import Image

    from keras_seg.data import read_image

    paths = [*image_files(sources).values()]
    step = max(len(paths) // _REPRESENTATIVE, 1)
    for path in itertools.islice(paths, 0, step * _REPRESENTATIVE, step):
        image = np.uint8(np.rint(read_image(path, channels, **reading)))
        planes = [  # Pillow has images of 1, 3 and 4 channels only
            Image.fromarray(image[..., channel]).resize(
                size[::-1], Image.Resampling.BILINEAR
            )
            for channel in range(channels)
        ]
        yield np.stack(planes, axis=-1)
