"""Measures the mIoU on CamVid that a network loses by float16 and int8 in LiteRT.

Run:    python -m benchmarks.quantization runs/spnet/best.keras --data-dir CamVid
        python -m benchmarks.quantization runs/none-0/best.keras --data-dir CamVid \\
            --reduce 2    # a network of examples/train_dsrl.py, for images at half size

Every row is a LiteRT file that predicts the validation images one by one, except
"model", the Keras model itself. "equal" is the share of pixels with the same class as
in the model's prediction. int8 is calibrated on training images that are spread over
the whole set.
"""

import argparse
import pathlib
import tempfile

import numpy as np

REPRESENTATIVES = 50


def main(args):
    import keras
    from ai_edge_litert.interpreter import Interpreter

    import keras_seg
    from keras_seg.data import CamVid
    from keras_seg.models import inference_model

    keras_seg.set_xla(False)
    network = inference_model(keras.saving.load_model(args.model, compile=False))
    train, val = (CamVid(args.data_dir, split) for split in ("train", "val"))
    chosen = np.linspace(0, len(train) - 1, REPRESENTATIVES).astype(int)
    representatives = [reduced(train[i][0], args.reduce) for i in chosen]
    images, labels = zip(*val, strict=True)
    images = [reduced(image, args.reduce) for image in images]
    expected = [network(x[None], training=False).numpy().argmax(-1) for x in images]
    print("| weights | MB | mean IoU | equal |\n| --- | --- | --- | --- |")
    print_row("model", network.count_params() * 4, expected, expected, labels, val)
    for quantization in (None, "float16", "int8"):
        with tempfile.TemporaryDirectory() as folder:
            path = keras_seg.export.export_litert(
                network,
                pathlib.Path(folder) / "model.tflite",
                images[0].shape[:2],
                input_dtype="float32",
                quantization=quantization,
                representative_images=representatives
                if quantization == "int8"
                else None,
                min_agreement=0.0,
            )
            run = Interpreter(str(path), num_threads=2).get_signature_runner()
            classes = [run(images=image[None])["classes"] for image in images]
            name = quantization or "float32"
            print_row(name, path.stat().st_size, classes, expected, labels, val)


def reduced(image, scale):
    from keras_seg.data import low_resolution

    return low_resolution(image[None].astype("float32"), scale).numpy()[0]


def print_row(name, size, classes, expected, labels, val):
    from keras_seg.metrics import MeanIoU

    metric = MeanIoU(val.num_classes)
    for found, label in zip(classes, labels, strict=True):
        metric.update_state(label[None], np.eye(val.num_classes)[found])
    equal = np.mean([np.equal(*pair) for pair in zip(classes, expected, strict=True)])
    mean_iou = float(metric.result())
    print(f"| {name} | {size / 1e6:.1f} | {mean_iou:.2%} | {equal:.2%} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("model", help="a .keras file of 11 classes")
    add("--data-dir", required=True, help="the folder of CamVid")
    add("--reduce", type=int, default=1, help="factor to reduce image sides by")
    main(parser.parse_args())
