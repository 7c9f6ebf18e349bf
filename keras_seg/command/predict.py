"""`keras-seg predict`: masks and overlays of images."""

import contextlib
import pathlib
import sys

from keras_seg.command.files import image_files, load_model
from keras_seg.command.flags import CLASSES
from keras_seg.command.main import print_error
from keras_seg.command.views import add_views, views

SUMMARY = "segment images, to masks and overlays"
DESCRIPTION = """\
Segments images of any size with a trained model, a .keras file.

Each image becomes a PNG of its own name and size in the folder --output. The values
of this mask are the classes; it shows their colours too. Sub-folders are kept.
"""

EXAMPLES = """\
examples:
  keras-seg predict runs/spnet/best.keras street.jpg --output masks
  keras-seg predict best.keras photographs --output masks --overlays overlays \\
      --classes camvid
  keras-seg predict best.keras large.png --output masks --window 480 480 --flip

--window bounds the memory: the image is seen in windows of that many pixels, and the
crop that the model was trained on is a good choice. An image that cannot be read is
told and left out; the others are segmented all the same, and the status is then 1.
"""


def add_arguments(parser):
    """Adds the flags."""
    add, path = parser.add_argument, pathlib.Path
    add("model", type=path, help="the .keras file")
    add("images", type=path, nargs="+", help="image files, or folders of them")
    add("--output", type=path, required=True, help="folder to write the masks to")
    add("--overlays", type=path, help="folder for images under the classes' colours")
    add("--alpha", type=float, default=0.5, help="share of the colours, 0 to 1")
    add(
        "--classes",
        metavar="CLASSES",
        help=f"their names and colours: {CLASSES}",
    )
    add_views(parser)


def check(args):
    """Raises a ValueError for flags that do not agree."""
    if not 0 <= args.alpha <= 1:
        raise ValueError(f"--alpha must be in 0..1. Received: {args.alpha}")
    if args.overlays and args.overlays.resolve() == args.output.resolve():
        raise ValueError("--overlays must be another folder than --output")


def run(args):
    """Segments all images, and tells how many."""
    import keras
    from PIL import Image

    from keras_seg.inference import predictor, read_image, write_label_map
    from keras_seg.visualization import overlay

    files = image_files(args.images)
    for folder in filter(None, (args.output, args.overlays)):
        _check_folder(folder, files)
    model = load_model(args.model)
    label_map = predictor(model, **views(args))
    palette = _palette(args.classes, model)

    failed = 0
    progress = keras.utils.Progbar(len(files), unit_name="image")
    for name, path in files.items():
        try:
            image = read_image(path)
        except (OSError, ValueError) as error:
            print(file=sys.stderr)  # below the progress bar
            print_error(error)
            failed += 1
        else:
            classes = label_map(image)
            mask = _result(args.output, name)
            write_label_map(mask, classes, palette)
            if args.overlays:
                drawn = overlay(image, classes, palette, args.alpha)
                Image.fromarray(drawn).save(_result(args.overlays, name))
        with contextlib.redirect_stdout(sys.stderr):
            progress.add(1)
    print(f"{len(files) - failed} masks in {args.output}")
    return 1 if failed else 0


def _palette(classes, model):
    import numpy as np

    from keras_seg.data import class_table, default_palette

    output = model.output
    if isinstance(output, dict):
        output = output["segmentation"]
    count = max(output.shape[-1], 2)  # a single logit tells two
    if classes is None:
        return default_palette(count)
    names, palette = class_table(classes)
    if len(names) != count:
        raise ValueError(
            f"--classes must name each class of the model. Received: {len(names)} in "
            f"{classes!r} for {count} classes"
        )
    return np.asarray(palette)


def _result(folder, name):
    path = folder / name.parent / f"{name.name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _check_folder(folder, files):
    """Fails before an image would be written over."""
    read = {path.resolve() for path in files.values()}
    for name in files:
        if (folder / name.parent / f"{name.name}.png").resolve() in read:
            raise ValueError(
                f"{folder} must be another folder than that of the images: "
                f"{name}.png would be written over"
            )
