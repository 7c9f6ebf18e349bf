"""Segments photographs with a model in TensorFlow Serving, from the command line."""

import argparse
import pathlib
import sys

import numpy as np
from PIL import Image

from .client import Client
from .serving_error import ServingError

_EPILOG = """\
examples:
  python -m keras_seg.export.client street.jpg --overlay street_classes.png
  python -m keras_seg.export.client *.jpg --address http://localhost:8501 \\
      --model spnet --classes class_maps

docs/guides/serving.md shows how to start TensorFlow Serving.
"""


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m keras_seg.export.client",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add, path = parser.add_argument, pathlib.Path
    add("images", nargs="+", type=path, help="JPEG or PNG files")
    add(
        "--address",
        default="localhost:8500",
        help="host:port of gRPC, or http://host:port of REST (default: %(default)s)",
    )
    add("--model", default="spnet", help="model name in the server (default: spnet)")
    add("--version", type=int, help="model version (default: the newest)")
    add("--timeout", type=float, default=60, help="seconds per image (default: 60)")
    target = "a PNG file for one image, a folder for several"
    add(
        "--classes",
        type=path,
        help=f"output for class maps: {target}; for independent classes, a folder",
    )
    add("--overlay", type=path, help=f"output for overlays: {target}")
    add("--labels", type=path, help="the model's assets/labels.txt, for class names")
    add("--palette", type=path, help="the model's assets/palette.txt, for colors")
    args = parser.parse_args(arguments)
    try:
        _segment(args)
    except (OSError, ValueError, ImportError, ServingError) as error:
        sys.exit(f"{parser.prog}: {error}")


def _segment(args):
    labels = args.labels.read_text(encoding="utf-8").splitlines() if args.labels else []
    palette = np.loadtxt(args.palette, dtype="uint8", ndmin=2) if args.palette else None
    if len({path.stem for path in args.images}) < len(args.images):
        raise ValueError(
            "Two images of one name would have one result: rename one, or segment it "
            "separately"
        )
    suffix = args.classes.suffix.lower() if args.classes else ""
    if suffix != ".png" and suffix in Image.registered_extensions():
        raise ValueError(
            "--classes must be a PNG file or a folder: other image files may change "
            f"the classes. Received: {args.classes}"
        )
    client = Client(args.address, args.model, args.version, args.timeout)
    with client:
        for path in args.images:
            classes = client.segment(path)
            print(f"{path}: {_shares(classes, labels)}")
            if args.classes and classes.ndim == 3:
                _save_masks(classes, labels, args.classes, path)
            elif args.classes:
                # Values above 255 need a PNG of 16 bits.
                dtype = "uint8" if classes.dtype == "uint8" else "uint16"
                _save(classes.astype(dtype), _file(args.classes, path, args.images))
            if args.overlay:
                picture = _overlay(path, classes, palette)
                _save(picture, _file(args.overlay, path, args.images))


def _shares(classes, labels):
    """Formats the shares of the classes in the image, the largest first."""
    if classes.ndim == 3:  # masks of independent classes
        values, shares = range(classes.shape[-1]), (classes == 1).mean(axis=(0, 1))
    else:
        values, counts = np.unique(classes, return_counts=True)
        shares = counts / classes.size
    names = [
        labels[value] if value < len(labels) else f"class {value}" for value in values
    ]
    order = [i for i in np.argsort(-shares) if shares[i] >= 0.005]
    return ", ".join(f"{names[i]} {shares[i]:.0%}" for i in order) or "no class"


def _overlay(path, classes, palette):
    from keras_seg.data import default_palette, read_image
    from keras_seg.visualization import overlay

    image = np.uint8(np.rint(read_image(path)))  # upright, as the server sees it
    height, width = classes.shape[:2]
    if image.shape[:2] != (height, width):
        # Models with a fixed size or with super-resolution return another size.
        image = np.asarray(Image.fromarray(image).resize((width, height)))
    if palette is None:
        count = classes.shape[-1] if classes.ndim == 3 else int(classes.max()) + 1
        palette = default_palette(count)
    return overlay(image, classes, palette)


def _save_masks(masks, labels, folder, path):
    """Saves a black and white mask for each class, as `keras-seg predict` does."""
    if folder.suffix.lower() == ".png":
        raise ValueError(
            "--classes must be a folder for a model of independent classes, which has "
            f"a mask for each class. Received: {folder}"
        )
    for index in range(masks.shape[-1]):
        name = labels[index] if index < len(labels) else str(index)
        _save(masks[..., index] == 1, folder / name / f"{path.stem}.png")


def _file(target, path, images):
    return target / f"{path.stem}.png" if len(images) > 1 else target


def _save(picture, file):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(file)


if __name__ == "__main__":
    main()
