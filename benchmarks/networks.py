"""Measures time and memory of whole networks, here and in other libraries.

Run:    python -m benchmarks.networks
        python -m benchmarks.networks --networks light --repeats 3    # to try it
        python -m benchmarks.networks --peers peers.py --peers-python other/bin/python

"inference" processes one image of 512 x 1024, "step" is a training step on two crops of
384 x 384 with SGD and momentum; the light network takes four images of 256 x 320 in
both tasks. Each line is measured in a separate process: the first call, including
tracing, and the best of several others, in milliseconds; and the peak memory above the
loaded network in MB, of the GPU if TensorFlow has one, else of the process.

"Keras's layers" is the same network with Keras's convolutions and batch norms instead
of those of keras_seg.layers. Peers are PyTorch networks, given by a Python file with
one function per network, named as here and without arguments, that returns a
`torch.nn.Module` from images to logits. `benchmarks/peers.py` builds the authors'
networks from their sources; see there.
"""

import argparse
import pathlib
import subprocess
import sys

from benchmarks.processes import cost, print_cost

CLASSES = 19
THREADS = 2
# Per name: the function and its arguments.
NETWORKS = {
    "spnet": ("SPNet", "resnet50", 8, {"auxiliary_head": True}),
    "hanet": ("HANet", "resnet50", 16, {"auxiliary_head": True}),
    "deeplab": ("DeepLabV3Plus", "resnet50", 16, {"auxiliary_head": True}),
    "deeplab_separable": ("DeepLabV3Plus", "resnet50", 16, {"separable": True}),
    "light": (
        "DeepLabV3Plus",
        "efficientnet_lite_b0",
        16,
        {"separable": True, "filters": 128},
    ),
}
WAYS = "Keras's layers", "keras_seg", "PyTorch"
TASKS = "inference", "step"


def image_shape(name, task):
    if name == "light":
        return 4, 256, 320, 3
    return (1, 512, 1024, 3) if task == "inference" else (2, 384, 384, 3)


def use_keras_layers():
    """Makes convolutions and batch norms run as in Keras from here on."""
    import keras

    from keras_seg import layers

    layers.Conv2D.convolution_op = keras.layers.Conv2D.convolution_op
    layers.DepthwiseConv2D.call = keras.layers.DepthwiseConv2D.call
    layers.BatchNormalization.call = keras.layers.BatchNormalization.call


def measure(name, task, way, repeats):
    import keras
    import numpy as np
    import tensorflow as tf

    from keras_seg import losses, models, training

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    keras.utils.set_random_seed(0)
    if way == "Keras's layers":
        use_keras_layers()
    network, backbone, output_stride, options = NETWORKS[name]
    model = getattr(models, network)(CLASSES, backbone, output_stride, **options)
    shape = image_shape(name, task)
    rng = np.random.default_rng(0)
    images = tf.constant(rng.uniform(0, 255, shape).astype("float32"))
    if task == "inference":
        predict = tf.function(models.inference_model(model), autograph=False)
        print_cost(lambda: [predict(images, training=False)], repeats)
        return
    labels = tf.constant(rng.integers(0, CLASSES, shape[:3], "int32"))
    loss = losses.SegmentationCrossentropy()
    if isinstance(model.output, dict):
        labels = dict.fromkeys(model.output, labels)
        loss = dict.fromkeys(model.output, loss)
    model.compile(training.SGD(1e-3, momentum=0.9), loss, jit_compile=False)
    print_cost(lambda: [tf.constant(model.train_on_batch(images, labels))], repeats)


def peer_cost(name, task, args):
    """Returns the costs of a PyTorch network, or None if it is missing or fails."""
    script = pathlib.Path(__file__).with_name("torch_network.py")
    shape = image_shape(name, task)
    command = [args.peers_python, script, args.peers, name, task, args.repeats, *shape]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    return None if done.returncode else [float(x) for x in done.stdout.split()[-3:]]


def way_cost(name, task, way, args):
    """Returns the costs of a line of the table, or None if measuring fails."""
    if way == "PyTorch":
        return peer_cost(name, task, args)
    return cost("benchmarks.networks", "--one", name, task, way, args.repeats)


def print_table(args):
    print(f"{THREADS} threads\n")
    print("| network | task | way | first ms | ms | MB |\n" + "| --- " * 6 + "|")
    for name in args.networks:
        for task in args.tasks:
            for way in args.ways:
                if way == "PyTorch" and not args.peers:
                    continue
                numbers = way_cost(name, task, way, args)
                columns = [f"{x:.0f}" for x in numbers] if numbers else ["-"] * 3
                print("|", " | ".join([name, task, way, *columns]), "|", flush=True)


def main(args):
    if args.one:
        *what, repeats = args.one
        measure(*what, int(repeats))
    else:
        print_table(args)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    add("--tasks", nargs="+", choices=TASKS, default=TASKS)
    add("--ways", nargs="+", choices=WAYS, default=WAYS)
    add("--repeats", type=int, default=6)
    add("--peers", type=pathlib.Path, help="a Python file with PyTorch networks")
    add("--peers-python", default=sys.executable, help="a Python that has PyTorch")
    # Arguments of the worker processes.
    add("--one", nargs=4, help=argparse.SUPPRESS)
    main(parser.parse_args())
