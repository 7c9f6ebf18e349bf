"""Writes class maps for a folder of images with an exported SavedModel.

    python examples/predict.py saved_models/spnet/1 images classes

Only TensorFlow is needed, not keras_seg. Each class map is a PNG with the name and size
of the image, whose values are the classes. A model of independent classes gives a black
and white mask for each class, in a subfolder with the number of the class.
"""

import argparse
import pathlib

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

SUFFIXES = ".jpg", ".jpeg", ".png", ".bmp", ".webp"
MODES = {1: "L", 3: "RGB"}  # Pillow's names of gray and color images


def main(args):
    if args.output.resolve() == args.images.resolve():
        raise SystemExit("The output must be another folder than that of the images.")
    predict = tf.saved_model.load(args.saved_model).signatures["serving_default"]
    channels = predict.structured_input_signature[1]["images"].shape[-1]
    if channels not in MODES:
        raise SystemExit(
            f"The model takes images of {channels} channels: use keras-seg predict."
        )
    scale = scale_of(predict, channels)
    args.output.mkdir(parents=True, exist_ok=True)
    paths = [x for x in args.images.iterdir() if x.suffix.lower() in SUFFIXES]
    if len({path.stem for path in paths}) < len(paths):
        raise SystemExit("Two images with one name would have one map: rename one.")
    for path in sorted(paths):
        # Turn the image upright: phones store the orientation of a photograph.
        image = ImageOps.exif_transpose(Image.open(path))
        if image.mode.startswith(("I", "F")):
            raise SystemExit(f"{path} must have 8 bits per channel; convert it first.")
        # The class map of a DSRL is larger than its input: reduce it as in training.
        reduced = np.asarray(image.convert(MODES[channels]).reduce(scale))
        reduced = reduced.reshape(1, *reduced.shape[:2], channels)
        classes = predict(images=tf.constant(reduced))["classes"][0].numpy()
        save(classes[: image.height, : image.width], args.output, path.stem)
    print(f"{len(paths)} class maps in {args.output}")


def save(classes, folder, stem):
    """Writes a class map, or a mask for each class if the classes are independent."""
    if classes.ndim == 2:
        Image.fromarray(classes).save(folder / f"{stem}.png")
        return
    for index in range(classes.shape[-1]):
        (folder / str(index)).mkdir(exist_ok=True)
        mask = Image.fromarray(classes[..., index] == 1)
        mask.save(folder / str(index) / f"{stem}.png")


def scale_of(predict, channels):
    """Returns how many times larger than the image the class map is, or 1."""
    shape = predict.structured_input_signature[1]["images"].shape
    height, width = (side or 64 for side in shape[1:3])
    black = tf.zeros((1, height, width, channels), tf.uint8)
    return max(predict(images=black)["classes"].shape[1] // height, 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("saved_model", type=str)
    parser.add_argument("images", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    main(parser.parse_args())
