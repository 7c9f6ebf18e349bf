"""Asks the attention of a trained HANet whether the network uses it.

Run:    python -m benchmarks.ideas --data-dir CamVid --networks hanet --seeds 0
        python -m benchmarks.attention runs/ideas/hanet-0-8.keras --data-dir CamVid

Prints how much the attention of validation images varies, as a standard deviation over
the rows of an image and over the images at the same row; and the mean IoU with other
attention than the network's own: the mean over the rows, that of another image of the
batch, and its own upside down. If these are equal, height does not reach the
classifier. The last line tells whether the backbone's features contain the height
without attention: the share of its variance that a linear function of the last level,
fitted on training images, explains on validation images.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before importing TensorFlow

import keras
import numpy as np
from keras import ops

from benchmarks.ideas import SCALE, scores_of
from keras_seg import data, models
from keras_seg.layers import HeightDrivenAttention
from keras_seg.models.rerun import rerun


def uniform(attention):
    return ops.zeros_like(attention) + ops.mean(attention, axis=1, keepdims=True)


def swapped(attention):
    return ops.roll(attention, 1, axis=0)


def upside_down(attention):
    return ops.flip(attention, axis=1)


CHANGES = {
    "as trained": lambda attention: attention,
    "equal at all heights": uniform,
    "of another image": swapped,
    "upside down": upside_down,
}


def with_attention(model, change):
    """Returns the model with changed attention."""

    def call(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        if isinstance(layer, HeightDrivenAttention):
            _, high = args[0]
            attention = change(outputs[1])
            outputs = high * attention, attention
        return outputs

    return rerun(model, call)


def halved(dataset, count):
    """Yields images of half the size, evenly spaced in a data set."""
    for index in np.linspace(0, len(dataset) - 1, count).astype(int):
        image = np.asarray(dataset[index][0], "float32")[None]
        yield data.low_resolution(image, SCALE)


def variation(model, dataset, count):
    """Returns the mean attention and its deviations over rows and images, by layer."""
    attention = models.attention_model(models.inference_model(model))
    found = [attention(image) for image in halved(dataset, count)]
    for name in found[0]:
        maps = np.concatenate([ops.convert_to_numpy(x[name]) for x in found])
        yield name, maps.mean(), maps.std(axis=1).mean(), maps.std(axis=0).mean()


def features_and_heights(model, dataset, count):
    """Returns the features of the cells of images, and their heights in 0..1."""
    backbone = model.get_layer("backbone")
    features, heights = [], []
    for image in halved(dataset, count):
        cells = ops.convert_to_numpy(backbone(image)["level5"])[0]
        rows, columns, channels = cells.shape
        features.append(cells.reshape(-1, channels))
        heights.append(np.repeat((np.arange(rows) + 0.5) / rows, columns))
    return np.concatenate(features), np.concatenate(heights)


def explained_height(model, train, val, count):
    """Returns the coefficient of determination of heights, on validation images."""
    features, heights = features_and_heights(model, train, count)
    mean, middle = features.mean(axis=0), heights.mean()
    weights, *_ = np.linalg.lstsq(features - mean, heights - middle, rcond=1e-4)
    features, heights = features_and_heights(model, val, count)
    errors = heights - middle - (features - mean) @ weights
    return 1 - errors.var() / heights.var()


def main(args):
    model = keras.saving.load_model(args.model, compile=False)
    train, val = data.open_splits("camvid", args.data_dir)
    print("| layer | mean | deviation over rows | over images |")
    print("| --- | --- | --- | --- |")
    for name, *numbers in variation(model, val, args.images):
        print(f"| {name} |", " | ".join(f"{number:.3f}" for number in numbers), "|")
    print("\n| attention | val mean IoU |\n| --- | --- |")
    for name, change in CHANGES.items():
        found = scores_of(with_attention(model, change), val)
        print(f"| {name} | {found['mean_iou']:.1%} |", flush=True)
    share = explained_height(model, train, val, args.images)
    print(f"\nvariance of height explained by the last level: {share:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="a HANet that benchmarks.ideas trained")
    parser.add_argument("--data-dir", required=True, help="folder of CamVid")
    parser.add_argument("--images", type=int, default=24, help="of each split")
    main(parser.parse_args())
