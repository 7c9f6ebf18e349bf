"""Plots the mIoU of trained networks over their operations per image.

Run:    python -m benchmarks.accuracy_over_cost --output cost.png \\
            --runs "plain" 180 240 runs/none-0 runs/none-1 \\
            --runs "+ SSSR" 180 240 runs/sssr-0 runs/sssr-1

The figure corresponds to Figure 1 of "Dual Super-Resolution Learning for Semantic
Segmentation", CVPR 2020. Each `--runs` adds a point: its name, the height and width of
the network's input, and the folders with the training results of an example, one per
seed. The bars span the worst to the best seed. A Markdown table is printed too.
Operations are those of inference; a multiplication and an addition count as two.
"""

import argparse
import json
import pathlib

import keras
import numpy as np

from keras_seg.inference import flops
from keras_seg.models import inference_model


def cost(run, size):
    """Returns the parameters of a run's network and its operations per image."""
    model = keras.models.load_model(run / "best.keras", compile=False)
    network = inference_model(model)
    return network.count_params(), flops(network, size)


def points(parser, groups):
    """Returns a dict with name, cost and mIoUs for each group of runs."""
    found = []
    for name, *rest in groups:
        if len(rest) < 3 or not all(side.isdigit() for side in rest[:2]):
            parser.error(f"--runs takes a name, height, width and folders, got {rest}")
        size, runs = tuple(map(int, rest[:2])), list(map(pathlib.Path, rest[2:]))
        scores = [
            json.loads((run / "evaluation.json").read_text())["mean_iou"]
            for run in runs
        ]
        parameters, operations = cost(runs[0], size)
        found.append(
            {
                "name": name,
                "size": size,
                "parameters": parameters,
                "flops": operations,
                "scores": np.array(scores),
            }
        )
    return found


def print_table(found):
    print("| network | image | parameters | GFLOPs | mean IoU by seed | mean |")
    print("| --- | --- | --- | --- | --- | --- |")
    for point in found:
        height, width = point["size"]
        columns = [
            point["name"],
            f"{width} x {height}",
            f"{point['parameters'] / 1e6:.2f} M",
            f"{point['flops'] / 1e9:.2f}",
            ", ".join(f"{100 * score:.1f}" for score in point["scores"]),
            f"{point['scores'].mean():.1%}",
        ]
        print("|", " | ".join(columns), "|")


def draw(found, output):
    """Writes the figure, with networks of the same cost side by side."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
    most = max(point["flops"] for point in found) / 1e9
    drawn = {}
    for point in found:
        x = point["flops"] / 1e9
        shift = drawn.get(x, 0)
        drawn[x] = shift + 1
        scores = 100 * point["scores"]
        mean = scores.mean()
        bars = [[mean - scores.min()], [scores.max() - mean]]
        place = x + 0.025 * shift * most
        axes.errorbar(place, mean, bars, fmt="o", capsize=4, label=point["name"])
        axes.plot(np.full(len(scores), place), scores, "k_", markersize=5)
    axes.set_xlim(0, 1.1 * most)
    axes.set_xlabel("GFLOPs for an image, at inference")
    axes.set_ylabel("mean IoU in percent")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(output, dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    what = "NAME", "HEIGHT WIDTH RUN ..."
    add("--runs", nargs="+", action="append", required=True, metavar=what)
    add("--output", type=pathlib.Path, default="accuracy_over_cost.png")
    args = parser.parse_args()
    found = points(parser, args.runs)
    print_table(found)
    draw(found, args.output)
