"""Measures the latency of each network in each runtime, on two CPU cores.

Run:    python -m benchmarks.latency
        python -m benchmarks.latency --size 64 128 --seconds 1    # to try it

Networks map raw uint8 images to class maps. Weights are random, which does not affect
the time. Each line is measured in a separate process, after two warm-up calls. "median"
and "p90" are milliseconds per call with one image; "images/s" is the throughput at the
best batch size, which is stated.

All networks have a ResNet-18 backbone at output stride 16 and 19 classes, which is
small enough for a CPU. DSRL takes images of half the size and predicts at full size.
Keras predicts logits, and NumPy computes their argmax; the other runtimes compute it in
the graph. OpenVINO reads the ONNX file and computes in float32.
"""

import argparse
import pathlib
import tempfile
import time

from benchmarks.processes import cost

NETWORKS = "DeepLabV3Plus", "SPNet", "HANet", "CPNet", "DSRL"
RUNTIMES = "Keras", "SavedModel", "ONNX Runtime", "LiteRT", "OpenVINO"
THREADS = 2


def build(name, backbone, size):
    """Returns the network for inference, and the size of its input."""
    import keras

    from keras_seg import models

    keras.utils.set_random_seed(0)
    options = {}
    if name == "DSRL":
        size = [side // 2 for side in size]
    if name == "CPNet":
        options["prior_size"] = models.prior_size(size, output_stride=16)
    network = getattr(models, name)(19, backbone, output_stride=16, **options)
    return models.inference_model(network), tuple(size)


def write_files(name, args):
    """Writes a SavedModel, and a file per batch size for each of the other runtimes."""
    from keras_seg import export

    network, size = build(name, args.backbone, args.size)
    export.export_saved_model(network, args.folder / "1")
    for batch_size in args.batch_sizes:
        for function, ending in (
            (export.export_onnx, "onnx"),
            (export.export_litert, "tflite"),
        ):
            path = args.folder / f"{batch_size}.{ending}"
            function(network, path, size, batch_size)


def load_keras(name, args, batch_size):
    network, _ = build(name, args.backbone, args.size)
    return lambda images: network.predict(images, verbose=0).argmax(axis=-1)


def load_saved_model(name, args, batch_size):
    import tensorflow as tf

    model = tf.saved_model.load(str(args.folder / "1"))
    classes = model.signatures["serving_default"]
    # The object that owns the variables has to live as long as the function.
    classes.model = model
    return lambda images: classes(images=tf.constant(images))["classes"].numpy()


def load_onnxruntime(name, args, batch_size):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(args.folder / f"{batch_size}.onnx", options)
    return lambda images: session.run(None, {"images": images})


def load_litert(name, args, batch_size):
    from ai_edge_litert.interpreter import Interpreter

    path = args.folder / f"{batch_size}.tflite"
    interpreter = Interpreter(str(path), num_threads=THREADS)
    run = interpreter.get_signature_runner()
    return lambda images: run(images=images)


def load_openvino(name, args, batch_size):
    import openvino

    options = {
        "INFERENCE_NUM_THREADS": THREADS,
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    path = args.folder / f"{batch_size}.onnx"
    model = openvino.Core().compile_model(str(path), "CPU", options)
    return lambda images: model({"images": images})


LOAD = dict(
    zip(
        RUNTIMES,
        (load_keras, load_saved_model, load_onnxruntime, load_litert, load_openvino),
        strict=True,
    )
)


def measure(name, runtime, batch_size, args):
    """Prints the median and 90th percentile of the calls, and images per second."""
    import numpy as np

    if runtime in ("Keras", "SavedModel"):
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    height, width = [side // (2 if name == "DSRL" else 1) for side in args.size]
    shape = batch_size, height, width, 3
    images = np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")
    predict = LOAD[runtime](name, args, batch_size)
    times = []
    for _ in range(2):
        predict(images)
    while len(times) < 3 or sum(times) < args.seconds:
        start = time.perf_counter()
        predict(images)
        times.append(time.perf_counter() - start)
    median, p90 = 1000 * np.percentile(times, [50, 90])
    print(median, p90, 1000 * batch_size / median)


def print_table(args):
    height, width = args.size
    print(f"{height} x {width}, {args.backbone}, {THREADS} threads\n")
    print("| network | runtime | median ms | p90 ms | images/s | batch |")
    print("| --- " * 6 + "|")
    options = ["--size", height, width, "--backbone", args.backbone]
    options += ["--seconds", args.seconds, "--batch-sizes", *args.batch_sizes]
    for name in args.networks:
        with tempfile.TemporaryDirectory() as folder:
            here = [*options, "--folder", folder]
            if cost("benchmarks.latency", *here, "--write", name) is None:
                print(f"| {name} | not exported |", flush=True)
                continue
            for runtime in RUNTIMES:
                found = {
                    n: cost("benchmarks.latency", *here, "--measure", name, runtime, n)
                    for n in {1, *args.batch_sizes}
                }
                print_row(name, runtime, {n: x for n, x in found.items() if x})


def print_row(name, runtime, found):
    if 1 not in found:
        print(f"| {name} | {runtime} | fails |", flush=True)
        return
    median, p90, _ = found[1]
    best = max(found, key=lambda n: found[n][2])
    throughput = f"{found[best][2]:.2f}"
    columns = name, runtime, f"{median:.0f}", f"{p90:.0f}", throughput, str(best)
    print("|", " | ".join(columns), "|", flush=True)


def main(args):
    if args.write:
        write_files(args.write, args)
    elif args.measure:
        name, runtime, batch_size = args.measure
        measure(name, runtime, int(batch_size), args)
    else:
        print_table(args)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--size", type=int, nargs=2, default=(512, 1024), metavar=("HEIGHT", "WIDTH"))
    add("--backbone", default="resnet18", help="a name of keras_seg.backbones")
    add("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    add("--batch-sizes", type=int, nargs="+", default=[1, 4])
    add("--seconds", type=float, default=20, help="of calls, for each line")
    # Arguments of the worker processes.
    add("--folder", type=pathlib.Path, help=argparse.SUPPRESS)
    add("--write", help=argparse.SUPPRESS)
    add("--measure", nargs=3, help=argparse.SUPPRESS)
    main(parser.parse_args())
