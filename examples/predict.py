"""Writes class maps for a folder of images with an exported SavedModel.

    python examples/predict.py saved_models/spnet/1 images classes

Only TensorFlow is needed, not keras_seg. Each class map is a PNG with the name and size
of the image, whose values are the classes.
"""

import argparse
import pathlib

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

SUFFIXES = ".jpg", ".jpeg", ".png"


def main(args):
    if args.output.resolve() == args.images.resolve():
        raise SystemExit("The output must be another folder than that of the images.")
    predict = tf.saved_model.load(args.saved_model).signatures["serving_default"]
    args.output.mkdir(parents=True, exist_ok=True)
    paths = [x for x in args.images.iterdir() if x.suffix.lower() in SUFFIXES]
    if len({path.stem for path in paths}) < len(paths):
        raise SystemExit("Two images with one name would have one map: rename one.")
    for path in sorted(paths):
        # Turn the image upright: phones store the orientation of a photograph.
        image = ImageOps.exif_transpose(Image.open(path))
        if image.mode.startswith(("I", "F")):
            raise SystemExit(f"{path} must have 8 bits per channel; convert it first.")
        image = np.asarray(image.convert("RGB"))
        classes = predict(images=tf.constant(image[None]))["classes"][0].numpy()
        Image.fromarray(classes).save(args.output / f"{path.stem}.png")
    print(f"{len(paths)} class maps in {args.output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("saved_model", type=str)
    parser.add_argument("images", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    main(parser.parse_args())
