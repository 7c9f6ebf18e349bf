"""Writes, or reads and compares, weights and outputs of layers, networks or backbones.

    python -m tests.addons.exchange write modules folder
    python -m tests.addons.exchange compare modules folder   (in the other environment)

`compare` prints a line of JSON: the largest difference of each, relative to its largest
output.
"""

import argparse
import json
import pathlib

import keras
import numpy as np
import tensorflow as tf

from keras_seg import backbones, layers, losses
from keras_seg.export import export_saved_model
from keras_seg.models import inference_model
from tests.models.networks import (
    tiny_cpnet,
    tiny_deeplab,
    tiny_dsrl,
    tiny_hanet,
    tiny_spnet,
)

LAYERS = {
    "AffinityFeatures": lambda: layers.AffinityFeatures(2),
    "AggregationModule": lambda: layers.AggregationModule(6, 5),
    "AtrousSpatialPyramidPooling": lambda: layers.AtrousSpatialPyramidPooling(4),
    "separable": lambda: layers.AtrousSpatialPyramidPooling(4, separable=True),
    "BilinearUpsample": lambda: layers.BilinearUpsample(3),
    "ContextPriorLayer": lambda: layers.ContextPriorLayer(4, (6, 8), 3),
    "ContextPriorLayer, fused": lambda: layers.ContextPriorLayer(
        4, (6, 8), 3, fused_loss=losses.AffinityLoss((6, 8), 3)
    ),
    "ConvNorm": lambda: layers.ConvNorm(5, 3),
    "CropToCells": lambda: layers.CropToCells(4),
    "FeatureAffinity": lambda: layers.FeatureAffinity(1, 2),
    "HeightDrivenAttention": lambda: layers.HeightDrivenAttention(2, coarse_height=4),
    "learned positions": lambda: layers.HeightDrivenAttention(
        2, coarse_height=4, position_encoding="learned", pooling="max"
    ),
    "MixedPooling": lambda: layers.MixedPooling((3, (2, 4))),
    "ResizeLike": lambda: layers.ResizeLike(True),
    "SeparableConvNorm": lambda: layers.SeparableConvNorm(5, 3, 2),
    "StripPooling": lambda: layers.StripPooling(),
    "SubPixelUpsample": lambda: layers.SubPixelUpsample(2, 3),
    "TransposedConvNorm": lambda: layers.TransposedConvNorm(5, 2),
}
# These take two feature maps.
PAIRS = {"CropToCells", "HeightDrivenAttention", "learned positions", "ResizeLike"}
NETWORKS = {
    "SPNet": tiny_spnet,
    "HANet": tiny_hanet,
    "CPNet": tiny_cpnet,
    "CPNet, fused": lambda: tiny_cpnet(fused_prior=True),
    "DeepLabV3+": tiny_deeplab,
    "DSRL": tiny_dsrl,
}
BACKBONES = (
    "csp_darknet_tiny",
    "densenet121",
    "efficientnet_lite_b0",
    "efficientnet_v1_b0",
    "efficientnet_v2_b0",
    "mit_b0",
    "mobilenet_v3_small",
    "resnet18",
    "resnet18_v2",
    "resnet50_c",
)


def models(part):
    """`{name: functional model}`, of one image or feature map."""
    found = {}
    if part == "backbones":
        for name in BACKBONES:
            found[name] = backbones.build(name, 32 if name == "mit_b0" else 16)
        return found
    for name, make in LAYERS.items():
        x = keras.Input((12, 16, 8))
        inputs = [x, keras.layers.ZeroPadding2D(2)(x)] if name in PAIRS else x
        if name == "FeatureAffinity":  # of one size
            inputs = [x, keras.layers.Activation("tanh")(x)]
        found[name] = keras.Model(x, make()(inputs))
    for name, make in NETWORKS.items():
        found[name] = inference_model(make())
    return found


def image_for(model):
    shape = [2, *model.inputs[0].shape[1:]]
    shape[1:3] = [size or 64 for size in shape[1:3]]
    scale = 255 if shape[-1] == 3 else 1
    return scale * np.random.default_rng(0).uniform(size=shape).astype("float32")


def randomize(model):
    rng = np.random.default_rng(1)
    for weight in model.weights:
        shape = tuple(weight.shape)
        values = rng.normal(size=shape) / np.sqrt(max(np.prod(shape[:-1]), 1))
        if "gamma" in weight.path or "variance" in weight.path:
            values = rng.uniform(0.5, 1.5, shape)
        weight.assign(values.astype("float32"))


def outputs_of(model):
    outputs = model(image_for(model), training=False)
    return [np.asarray(x) for x in tf.nest.flatten(outputs)]


def write(part, folder):
    for number, (name, model) in enumerate(models(part).items(), 1):
        randomize(model)
        path = weights_path(folder, number, name)
        (model.save if name in NETWORKS else model.save_weights)(path)
        np.savez(folder / f"{number}.npz", *outputs_of(model))
        if name in NETWORKS:
            export_saved_model(model, folder / "export" / str(number))
            images = image_for(model).astype("uint8")
            probabilities = tf.nn.softmax(model(images, training=False))
            np.savez(folder / "export" / f"{number}.npz", probabilities)


def weights_path(folder, number, name):
    """Of a whole model for networks; its weights can be loaded by themselves."""
    return folder / f"{number}.{'keras' if name in NETWORKS else 'weights.h5'}"


def compare(part, folder):
    found = {}
    for number, (name, model) in enumerate(models(part).items(), 1):
        try:
            randomize(model)
            model.load_weights(weights_path(folder, number, name))
            found[name] = difference(folder / f"{number}.npz", outputs_of(model))
        except Exception as error:
            raise RuntimeError(f"{name}: {error}") from error
        if name not in NETWORKS:
            continue
        images = image_for(model).astype("uint8")
        served = tf.saved_model.load(folder / "export" / str(number))
        served = served.signatures["probabilities"](tf.constant(images))
        found[f"{name}, export"] = difference(
            folder / "export" / f"{number}.npz", [served["probabilities"].numpy()]
        )
    return found


def difference(path, outputs):
    with np.load(path) as stored:
        pairs = zip(outputs, stored.values(), strict=True)
        return max(
            float(np.abs(one - other).max() / max(np.abs(other).max(), 1e-6))
            for one, other in pairs
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["write", "compare"])
    parser.add_argument("part", choices=["modules", "backbones"])
    parser.add_argument("folder", type=pathlib.Path)
    args = parser.parse_args()
    if args.action == "write":
        write(args.part, args.folder)
    else:
        print(json.dumps(compare(args.part, args.folder)))
