"""Packs a trained model into the package as a preset, for maintainers.

    python -m benchmarks.pack_preset runs/hanet/best.keras hanet_b1_camvid \
        --network HANet --arguments '{"backbone": "efficientnet_lite_b1", ...}' \
        --data-dir CamVid --license "..."

`--arguments` are those of the network, here `keras_seg.models.HANet`, without its
training-only parts. `--class-bias` is added to the logits of each class: a network that
was trained on class-balanced crops predicts rare classes too often. Kernels are rounded
to half precision. The packed network is evaluated on CamVid's validation images, and
the record states its mIoU.
"""

import argparse
import dataclasses
import hashlib
import json
import pathlib

import h5py
import keras
import numpy as np

from keras_seg import models
from keras_seg.data import CamVid, evaluation_pipeline
from keras_seg.inference import evaluate
from keras_seg.models.presets import FOLDER, Preset, presets


def halve(path):
    """Rewrites a file of Keras weights with kernels in half precision."""
    with h5py.File(path, "r") as file:
        arrays, attributes = {}, {}

        def visit(name, item):
            attributes[name] = dict(item.attrs)
            if isinstance(item, h5py.Dataset):
                arrays[name] = item[()]

        file.visititems(visit)
    # The latest format has smaller headers, for the file's hundreds of arrays.
    with h5py.File(path, "w", libver="latest") as file:
        for name, values in attributes.items():
            if name not in arrays:
                file.require_group(name).attrs.update(values)
                continue
            array = arrays[name]
            # The variances of batch norms can exceed the range of half precision.
            if array.ndim > 1 and array.dtype == np.float32:
                array = array.astype(np.float16)
            packing = (
                {"compression": "gzip", "shuffle": True} if array.size > 1000 else {}
            )
            file.create_dataset(name, data=array, **packing).attrs.update(values)


def main(args):
    trained = keras.saving.load_model(args.model, compile=False)
    trained = models.inference_model(trained)
    val = CamVid(args.data_dir, "val")
    arguments = {"num_classes": val.num_classes, **json.loads(args.arguments)}
    network = getattr(models, args.network)(**arguments)
    network.set_weights(trained.get_weights())
    if args.class_bias:
        (classifier,) = models.network_info(network).classifiers
        bias = keras.ops.convert_to_numpy(classifier.bias)
        classifier.bias.assign(bias + args.class_bias)
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{args.name}.weights.h5"
    network.save_weights(path)
    halve(path)
    network.load_weights(path)
    result = evaluate(network, evaluation_pipeline(val), val.class_names, verbose=1)
    preset = Preset(
        name=args.name,
        network=args.network,
        arguments=arguments,
        data="CamVid, 480x360, SegNet split: its 367 training images",
        class_names=val.class_names,
        palette=np.asarray(val.palette).tolist(),
        image_size=val[0][1].shape,
        parameters=network.count_params(),
        val_mean_iou=round(100 * float(result["mean_iou"]), 2),
        license=args.license,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )
    others = presets() if (FOLDER / "presets.json").exists() else {}
    records = [dataclasses.asdict(p) for p in {**others, args.name: preset}.values()]
    text = json.dumps(records, indent=1) + "\n"
    (FOLDER / "presets.json").write_text(text, encoding="utf-8")
    size = path.stat().st_size / 2**20
    print(f"{args.name}: {preset.val_mean_iou} %, {size:.1f} MiB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("name")
    parser.add_argument("--network", required=True)
    parser.add_argument("--arguments", required=True, help="JSON")
    parser.add_argument("--class-bias", type=float, nargs="+", help="one per class")
    parser.add_argument("--data-dir", type=pathlib.Path, required=True)
    parser.add_argument(
        "--license",
        default="CamVid's images are for research; check its terms before other use.",
    )
    main(parser.parse_args())
