"""Asks the prior of a trained CPNet what it knows, and whether the network uses it.

Run:    python -m benchmarks.ideas --data-dir CamVid --networks cpnet --seeds 0
        python -m benchmarks.prior runs/ideas/cpnet-0-8.keras --data-dir CamVid

Prints, for images of each split, how well the prior separates pairs of cells of one
class from pairs of different classes (the area under the ROC curve, and the mean prior
of both kinds), beside the agreement of the softmax of the network's own logits; and the
mean IoU on the validation images as trained, with the mean of each image's prior at
every pair of cells, and with the prior of another image of the batch. If these are
equal, the context does not reach the classifier.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before importing TensorFlow

import keras
import numpy as np
from keras import ops

from benchmarks.ideas import SCALE, scores_of
from keras_seg import data, models
from keras_seg.layers import ContextPriorLayer
from keras_seg.models.rerun import rerun
from keras_seg.visualization.affinity import cell_classes, pair_scores


class _Changed(ContextPriorLayer):
    """Gathers the contexts of its features with another prior than its own."""

    change = None  # function from one batch of priors to another

    def _whole_prior(self, values, training):
        _, logits = super()._whole_prior(values, training)
        prior = self.change(ops.sigmoid(logits))
        intra = ops.matmul(prior, values) / self.prior_size[0] / self.prior_size[1]
        inter = ops.mean(values, axis=1, keepdims=True) - intra
        return (intra, inter), logits


def uniform(prior):
    return ops.zeros_like(prior) + ops.mean(prior, axis=(1, 2), keepdims=True)


def swapped(prior):
    return ops.roll(prior, 1, axis=0)


CHANGES = {"as trained": lambda prior: prior, "uniform": uniform, "swapped": swapped}


def with_prior(model, change):
    """Returns the model with a changed prior."""
    layer = context_prior_layer(model)
    changed = _Changed.from_config(layer.get_config() | {"fused_loss": None})
    changed.change = change

    def call(called, *args, **kwargs):
        if called is not layer:
            return called(*args, **kwargs)
        outputs = changed(args[0])
        changed.set_weights(layer.get_weights())
        return outputs

    return rerun(model, call)


def context_prior_layer(model):
    (layer,) = (x for x in model.layers if isinstance(x, ContextPriorLayer))
    return layer


def separation(model, dataset, count):
    """Returns the mean scores of the prior and of the softmax, over `count` images."""
    network, prior = models.inference_model(model), models.prior_model(model)
    size = context_prior_layer(model).prior_size
    scores = []
    for index in np.linspace(0, len(dataset) - 1, count).astype(int):
        image, label = dataset[index]
        image = data.low_resolution(np.asarray(image, "float32")[None], SCALE)
        classes = cell_classes(np.asarray(label), size, dataset.ignore_class)
        shares = ops.image.resize(ops.softmax(network(image)), size)
        shares = ops.convert_to_numpy(shares).reshape(len(classes), -1)
        found = ops.convert_to_numpy(prior(image))[0]
        scores.append([pair_scores(x, classes) for x in (found, shares @ shares.T)])
    return np.mean(scores, axis=0)


def main(args):
    model = keras.saving.load_model(args.model, compile=False)
    splits = data.open_splits("camvid", args.data_dir)
    print("| images | AUC of the prior | same class | different | AUC of the softmax |")
    print("| --- | --- | --- | --- | --- |")
    for name, dataset in zip(("train", "val"), splits, strict=True):
        prior, softmax = separation(model, dataset, args.images)
        row = (prior[2], prior[0], prior[1], softmax[2])
        print(f"| {name} |", " | ".join(f"{score:.2f}" for score in row), "|")
    print("\n| prior | val mean IoU |\n| --- | --- |")
    for name, change in CHANGES.items():
        found = scores_of(with_prior(model, change), splits[1])
        print(f"| {name} | {found['mean_iou']:.1%} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="a CPNet that benchmarks.ideas trained")
    parser.add_argument("--data-dir", required=True, help="folder of CamVid")
    parser.add_argument("--images", type=int, default=24, help="of each split")
    main(parser.parse_args())
