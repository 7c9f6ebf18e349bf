"""`keras-seg predict`: masks and overlays of images and videos."""

import contextlib
import sys

from keras_seg.command.files import image_files, load_model, model_classes
from keras_seg.command.flags import (
    CLASSES,
    MODEL,
    add_max_pixels,
    add_value_range,
    image_options,
)
from keras_seg.command.main import print_error
from keras_seg.command.views import add_views, check_views, views
from keras_seg.local_path import local_path

SUMMARY = "segment images and videos"
VIDEO_SUFFIXES = (".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v")
DESCRIPTION = """\
Segments images of any size with a trained model.

For each image, a PNG mask of the same name and size is written to the folder --output.
Its values are class indices and its palette shows their colors. Subfolders are kept.
A model of independent classes gives a black and white mask for each class, in a
subfolder named after the class, or its index without --classes.

If --output is a video file (.mp4, ...), a video or a folder of frames is written as a
video overlaid with the colors of the classes; this needs keras-seg[video].
"""

EXAMPLES = """\
examples:
  keras-seg predict runs/spnet/best.keras street.jpg --output masks
  keras-seg predict best.keras photographs --output masks --overlays overlays \\
      --classes camvid
  keras-seg predict best.keras large.png --output masks --window 480 480 --flip
  keras-seg predict best.keras drive.mp4 --output classes.mp4 --classes camvid

--window limits memory use: the image is processed in windows of that size; the training
crop size is a good choice. Unreadable images are reported and skipped; the exit status
is then 1.
"""


def add_arguments(parser):
    """Adds the flags."""
    add, path = parser.add_argument, local_path
    add("model", type=path, help=MODEL)
    add("images", type=path, nargs="+", help="image files, folders, or a video")
    add(
        "--output",
        type=path,
        required=True,
        help="folder for the masks, or video file for the overlays",
    )
    add("--overlays", type=path, help="folder for images overlaid with class colors")
    add("--confidence", type=path, help="folder for grayscale confidence maps")
    add("--alpha", type=float, default=0.5, help="overlay opacity, 0 to 1; default 0.5")
    add(
        "--classes",
        metavar="CLASSES",
        help=f"class names and colors: {CLASSES}; default: those of a preset",
    )
    add_value_range(add)
    add_max_pixels(add)
    add_views(parser)


def check(args):
    """Raises a ValueError if flags conflict."""
    if not 0 <= args.alpha <= 1:
        raise ValueError(f"--alpha must be in 0..1. Received: {args.alpha}")
    check_views(args)
    folders = [x for x in (args.output, args.overlays, args.confidence) if x]
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise ValueError(
            "--output, --overlays and --confidence must be different folders. "
            f"Received: {', '.join(map(str, folders))}"
        )
    is_video = args.output.suffix.lower() in VIDEO_SUFFIXES
    others = args.overlays, args.confidence, args.value_range, args.max_pixels
    if is_video and (len(args.images) > 1 or any(others)):
        raise ValueError(
            "A video output takes one video or folder of frames, and does not support "
            "--overlays, --confidence, --value-range or --max-pixels. Received: "
            f"--output {args.output}"
        )
    videos = [x for x in args.images if x.suffix.lower() in VIDEO_SUFFIXES]
    if videos and not is_video:
        raise ValueError(
            f"--output must be a video for {videos[0]}, such as classes.mp4. Received: "
            f"{args.output}"
        )


def run(args):
    """Segments all images, or a video, and prints how many."""
    if args.output.suffix.lower() in VIDEO_SUFFIXES:
        return _segment_video(args)
    import keras
    from PIL import Image

    from keras_seg.inference import predictor, read_image
    from keras_seg.visualization import overlay
    from keras_seg.visualization.visible import visible

    files = image_files(args.images)
    model = load_model(args.model)
    names, palette = _class_table(args, model)
    for folder in _result_folders(args, names if _is_independent(model) else None):
        _check_folder(folder, files)
    reading = image_options(args)
    label_map = predictor(
        model, **views(args), **reading, return_probabilities=bool(args.confidence)
    )
    channels = model.inputs[0].shape[-1]

    failed = 0
    progress = keras.utils.Progbar(len(files), unit_name="image")
    for name, path in files.items():
        try:
            found = label_map(path)
            image = read_image(path, channels, **reading) if args.overlays else None
        except (OSError, ValueError) as error:
            print(file=sys.stderr)  # below the progress bar
            print_error(error)
            failed += 1
        else:
            classes = found[0] if args.confidence else found
            _write_classes(args.output, name, classes, names, palette)
            if args.overlays:
                drawn = overlay(visible(image), classes, palette, args.alpha)
                _save(Image.fromarray(drawn), _result(args.overlays, name))
            if args.confidence:
                _write_confidence(args.confidence, name, *found, names)
        with contextlib.redirect_stdout(sys.stderr):
            progress.add(1)
    written = len(files) - failed
    print(f"{written} {'mask' if written == 1 else 'masks'} in {args.output}")
    return 1 if failed else 0


def _segment_video(args):
    from keras_seg.inference import predictor
    from keras_seg.visualization import segment_video

    model = load_model(args.model)
    label_map = predictor(model, **views(args))
    _, palette = _class_table(args, model)
    source = args.images[0]
    count = segment_video(label_map, source, args.output, palette, args.alpha)
    print(f"{count} frames in {args.output}")


def _write_classes(folder, name, classes, names, palette):
    """Writes a class map, or a black and white mask for each independent class."""
    from PIL import Image

    from keras_seg.inference import write_label_map

    if classes.ndim == 2:
        write_label_map(_result(folder, name), classes, palette)
        return
    for index, class_name in enumerate(names):
        mask = Image.fromarray(classes[..., index] == 1)
        _save(mask, _result(folder / class_name, name))


def _write_confidence(folder, name, classes, probabilities, names):
    """Writes the probability of each pixel's class, or of each independent class."""
    import numpy as np
    from PIL import Image

    if classes.ndim == 2:
        _save(Image.fromarray(_confidence(probabilities)), _result(folder, name))
        return
    for index, class_name in enumerate(names):
        values = np.uint8(np.rint(255 * probabilities[..., index]))
        _save(Image.fromarray(values), _result(folder / class_name, name))


def _save(image, path):
    from keras_seg.storage.replacing import replacing

    with replacing(path) as unfinished:
        image.save(unfinished)


def _confidence(probabilities):
    """Returns the probability of each pixel's class, scaled to 0..255."""
    import numpy as np

    largest = probabilities.max(axis=-1)
    if probabilities.shape[-1] == 1:  # a single logit stands for two classes
        largest = np.maximum(largest, 1 - largest)
    return np.uint8(np.rint(255 * largest))


def _is_independent(model):
    from keras_seg.models import network_info

    return network_info(model).independent_classes


def _class_table(args, model):
    """Returns the names of the model's classes, or their indices, and the colors."""
    from keras_seg.data import default_palette
    from keras_seg.models import inference_model, network_info

    count = network_info(inference_model(model)).num_labels
    names, palette = model_classes(args.model, args.classes)
    if names is None:
        return [*map(str, range(count))], default_palette(count)
    if len(names) != count:
        raise ValueError(
            f"--classes must name each class of the model. Received: {len(names)} in "
            f"{args.classes!r} for {count} classes"
        )
    return names, palette


def _result_folders(args, names):
    """Returns the folders of results, with one for each of several `names`."""
    overlays = [args.overlays] if args.overlays else []
    others = [folder for folder in (args.output, args.confidence) if folder]
    if names is not None:
        others = [folder / name for folder in others for name in names]
    return overlays + others


def _result(folder, name):
    path = folder / name.parent / f"{name.name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _check_folder(folder, files):
    """Raises a ValueError if a result would overwrite an image."""
    read = {path.resolve() for path in files.values()}
    for name in files:
        if (folder / name.parent / f"{name.name}.png").resolve() in read:
            raise ValueError(
                f"{folder} must be a different folder from that of the images: "
                f"{name}.png would be overwritten"
            )
