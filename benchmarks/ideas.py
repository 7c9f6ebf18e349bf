"""Trains each paper's network and its baseline alike, and prints a table.

Run:    python -m benchmarks.ideas --data-dir CamVid --start runs/start.keras
        python -m benchmarks.ideas --data-dir CamVid --networks plain dsrl --seeds 0

All networks see images of half the size, so that a run takes minutes on a CPU, and are
evaluated at the full size. They have EfficientNetLite B0 at output stride 8 and differ
only in what the paper adds:

    plain     DeepLabV3+, trained on labels of half the size
    hanet     the same with height-driven attention
    sssr      the same, trained at the full size by sub-pixel convolution
    dsrl      sssr with the reconstruction of the image and the feature affinity
    fcn       two 3x3 convolutions and a classifier on the last level
    spnet     strip pooling in the backbone, mixed pooling instead of the convolutions
    no_prior  CPNet's convolution and classifier alone
    cpnet     the same with the context prior and its affinity loss
    combined  all four ideas, as in examples/train_combined.py

`--start` is a model file from which all networks take the weights of the layers that
they have in common: the backbone, and the decoder if it is DeepLabV3+. Without it,
backbones start from ImageNet's weights. Results are collected in `results.jsonl` of the
output folder, beside the trained models; runs that are there already are not repeated.
"""

import argparse
import json
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before importing TensorFlow

import keras
import numpy as np

from examples.train_combined import combined_network
from keras_seg import backbones, data, inference, layers, losses, models, training

BACKBONE, OUTPUT_STRIDE, SCALE = "efficientnet_lite_b0", 8, 2
CROP = 256, 320  # before the images are halved
SMALL_CROP = CROP[0] // SCALE, CROP[1] // SCALE
SIZE = 180, 240  # of halved images, to count operations
DECODER = {"filters": 128, "separable": True}
WEIGHTS = {"super_resolution": 2.0, "context_prior": 1.0}  # of losses; others: 1
PAIRS = (
    ("plain", "hanet"),
    ("plain", "dsrl"),
    ("fcn", "spnet"),
    ("no_prior", "cpnet"),
    ("plain", "combined"),
)


def plain(classes, pyramid):
    return models.DeepLabV3Plus(classes, pyramid, **DECODER)


def hanet(classes, pyramid):
    return models.HANet(classes, pyramid, positions=True, **DECODER)


def dsrl(classes, pyramid):
    return models.DSRL(classes, pyramid, scale=SCALE, **DECODER)


def sssr(classes, pyramid):
    return models.select_outputs(dsrl(classes, pyramid), ["segmentation"])


def fcn(classes, pyramid, width=460):
    """Returns a fully convolutional network with as many operations as SPNet."""
    image = keras.Input(pyramid.input_shape[1:], name="image")
    x = models.extract_levels(pyramid, image)["level5"].tensor
    x = layers.ConvNorm(width, 3)(x)
    x = layers.ConvNorm(width, 3)(x)
    x = keras.layers.SpatialDropout2D(0.1)(x)
    x = keras.layers.Conv2D(classes, 1)(x)
    return keras.Model(image, layers.ResizeLike(False, OUTPUT_STRIDE)([x, image]))


def spnet(classes, pyramid):
    return models.SPNet(classes, pyramid, pool_sizes=((8, 10), (4, 5)))


def cpnet(classes, pyramid, prior=True):
    size = models.prior_size(SMALL_CROP, OUTPUT_STRIDE) if prior else None
    return models.CPNet(
        classes, pyramid, prior_size=size, filters=128, kernel_size=5, head_filters=128
    )


def no_prior(classes, pyramid):
    return cpnet(classes, pyramid, prior=False)


def combined(classes, pyramid):
    size = models.prior_size(SMALL_CROP, OUTPUT_STRIDE)
    return combined_network(classes, pyramid, size, DECODER["filters"])


NETWORKS = {
    build.__name__: build
    for build in (plain, hanet, sssr, dsrl, fcn, spnet, no_prior, cpnet, combined)
}


def predicts_at_full_size(model):
    return models.network_info(model).scale == SCALE


def halved_labels(labels):
    """Returns label maps of the size of halved images."""
    return labels[:, SCALE // 2 :: SCALE, SCALE // 2 :: SCALE]


def halved(model):
    """Returns the map function from full-size batches to the model's."""
    targets = training.named_targets(model)

    def halve(inputs, labels):
        if predicts_at_full_size(model):
            return targets(inputs, labels)
        return targets(data.low_resolution(inputs, SCALE), halved_labels(labels))

    return halve


def full_size(model):
    """Returns the network for inference, from halved images to full-size logits."""
    network = models.inference_model(model)
    if predicts_at_full_size(model):
        return network
    logits = layers.BilinearUpsample(SCALE)(network.output)
    return keras.Model(network.input, logits)


def copy_head(start, model):
    """Copies the weights of the layers beside the backbone that both networks have."""
    layers_of_start = {layer.name: layer for layer in start.layers}
    for layer in model.layers:
        twin = layers_of_start.get(layer.name)
        if layer.name == "backbone" or twin is None or not layer.weights:
            continue
        if [w.shape for w in layer.weights] == [w.shape for w in twin.weights]:
            layer.set_weights(twin.get_weights())


def loss_of(name, dataset):
    """Returns the loss of an output of a network."""
    if name == "super_resolution":
        return keras.losses.MeanSquaredError()
    if name == "feature_affinity":
        return losses.OutputLoss()
    if name == "context_prior":
        size = models.prior_size(SMALL_CROP, OUTPUT_STRIDE)
        return losses.AffinityLoss(size, dataset.num_classes, dataset.ignore_class)
    return losses.from_name(
        "crossentropy+lovasz", ignore_class=dataset.ignore_class, stride=SCALE
    )


def losses_of(model, dataset):
    """Returns the loss of a network's output, or the dict of those of its outputs."""
    if isinstance(model.output, dict):
        return {output: loss_of(output, dataset) for output in model.output}
    return loss_of("segmentation", dataset)


def compile_losses(model, optimizer, dataset):
    """Compiles a network with the losses of its outputs."""
    loss, weights = losses_of(model, dataset), None
    if isinstance(loss, dict):
        weights = {output: WEIGHTS.get(output, 1.0) for output in loss}
    model.compile(optimizer, loss, loss_weights=weights)


def adamw(initial_rate, steps):
    """Returns the optimizer of all networks."""
    return training.AdamW(
        training.learning_rate("poly", initial_rate, steps, warmup=50),
        weight_decay=0.01,
        rate_groups={"backbone": 0.5},
        use_ema=True,
        ema_momentum=0.99,
    )


def augmented(train_set, batch_size, seed, positions):
    """Returns batches of augmented crops of the full size."""
    return data.training_pipeline(
        train_set,
        batch_size,
        data.Augmentation(CROP, scale=(0.6, 1.8)),
        seed,
        cache=True,
        positions=positions,
        class_balance=0.5,
    )


def scores_of(model, val_set):
    """Returns a trained network's operations and scores on halved images."""
    network = full_size(model)
    val = data.evaluation_pipeline(val_set, 8)
    val = val.map(lambda images, labels: (data.low_resolution(images, SCALE), labels))
    found = inference.evaluate(
        network, val, val_set.class_names, val_set.ignore_class, boundaries=False
    )
    return {
        "gflops": inference.flops(network, SIZE) / 1e9,
        "mean_iou": found["mean_iou"],
        "class_iou": found["class_iou"],
    }


def train(name, seed, args, train_set, val_set):
    """Trains and saves a network; returns its loss, seconds and scores as a dict."""
    keras.utils.set_random_seed(seed)
    weights = args.start or "imagenet"
    pyramid = backbones.build(BACKBONE, OUTPUT_STRIDE, weights)
    model = NETWORKS[name](train_set.num_classes, pyramid)
    if args.start:
        copy_head(keras.saving.load_model(args.start, compile=False), model)
    positions = "positions" in models.network_info(model).inputs.values()
    batches = augmented(train_set, args.batch_size, seed, positions)
    optimizer = adamw(args.learning_rate, args.epochs * len(batches))
    compile_losses(model, optimizer, train_set)
    optimizer.build(model.trainable_variables)  # so that the step is traced once
    start = time.perf_counter()
    history = model.fit(
        batches.map(halved(model)),
        epochs=args.epochs,
        shuffle=False,  # the batches are shuffled
        callbacks=[training.AveragedWeights()],
        verbose=2,
    )
    seconds = time.perf_counter() - start
    model.save(args.output / f"{name}-{seed}-{args.epochs}.keras")
    loss = history.history["loss"][-1]
    return {"seconds": seconds, "loss": loss} | scores_of(model, val_set)


def print_table(results, pairs):
    """Prints a Markdown table of the networks beside their baselines."""
    print("| network | GFLOPs | mean IoU by seed | mean | baseline | gain |")
    print("| --- | --- | --- | --- | --- | --- |")
    scores = {}
    for result in results:
        scores.setdefault(result["network"], []).append(100 * result["mean_iou"])
    # Only TensorFlow counts operations.
    gflops = {x["network"]: f"{x['gflops']:.2f}" for x in results if "gflops" in x}
    baselines = {network: baseline for baseline, network in pairs}
    for name, found in scores.items():
        row = [name, gflops.get(name, "")]
        row += [", ".join(f"{score:.1f}" for score in found), f"{np.mean(found):.1f}"]
        others = scores.get(baselines.get(name), [])
        gain = f"{np.mean(found) - np.mean(others):+.1f}" if others else ""
        print("|", " | ".join([*row, baselines.get(name, ""), gain]), "|")


def run(args, pairs, train):
    """Trains all networks that have no result yet, and prints the table.

    Args:
        args: the flags of `parser`.
        pairs: pairs of names, a baseline and the network to compare with it.
        train: function `(name, seed, args, train_set, val_set) -> dict`.
    """
    args.output.mkdir(parents=True, exist_ok=True)
    path = args.output / "results.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    results = [json.loads(line) for line in lines]
    splits = data.open_splits("camvid", args.data_dir)
    for seed in args.seeds:
        for name in args.networks:
            key = {"network": name, "seed": seed, "epochs": args.epochs}
            key["start"] = str(args.start)
            if any(key.items() <= result.items() for result in results):
                continue
            result = key | train(name, seed, args, *splits)
            results.append(result)
            with path.open("a") as file:
                file.write(json.dumps(result) + "\n")
            print(f"{name} {seed}: {result['mean_iou']:.1%}", flush=True)
    same = {"epochs": args.epochs, "start": str(args.start)}
    print_table([x for x in results if same.items() <= x.items()], pairs)


def parser(description, networks, epochs, learning_rate, output):
    """Returns the parser of the flags, with their defaults."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data-dir", required=True, help="folder of CamVid")
    add("--networks", nargs="+", choices=networks, default=[*networks])
    add("--seeds", type=int, nargs="+", default=[0, 1, 2])
    add("--epochs", type=int, default=epochs)
    add("--batch-size", type=int, default=8)
    add("--learning-rate", type=float, default=learning_rate)
    add("--start", help="model file whose weights the networks take")
    add("--output", type=pathlib.Path, default=pathlib.Path(output))
    return parser


if __name__ == "__main__":
    flags = parser(__doc__, NETWORKS, 8, 1e-3, "runs/ideas")
    run(flags.parse_args(), PAIRS, train)
