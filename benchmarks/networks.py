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
of those of keras_seg.layers. "keras_seg, remat" recomputes the feature maps of the
backbone for the gradient. "convolutions" are TensorFlow's convolutions of the
network alone, one after the other, with their gradients for a step, and "PyTorch,
convolutions" those of PyTorch, which are oneDNN's. Inference is faster without oneDNN
where it is not TensorFlow's default; see docs/guides/training.md.

Peers are PyTorch networks, given by a Python file with one function per network, named
as here and without arguments, that returns a `torch.nn.Module` from images to logits.
`benchmarks/peers.py` builds the authors' networks from their sources; see there.
With `--peers`, inference of DeepLabV3+ is also compared with KerasHub's.
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
TORCH_FORMS = {
    "PyTorch": "eager",
    "PyTorch, channels last": "channels_last",
    "PyTorch, compiled": "compiled",
    "PyTorch, convolutions": "convolutions",
}
REMAT = "keras_seg, remat"
WAYS = "Keras's layers", "keras_seg", REMAT, "convolutions", *TORCH_FORMS, "KerasHub"
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
    from keras_seg.onednn import turn_off_slow_fusion

    turn_off_slow_fusion()
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    keras.utils.set_random_seed(0)
    if way == "Keras's layers":
        use_keras_layers()
    network, backbone, output_stride, options = NETWORKS[name]
    model = getattr(models, network)(CLASSES, backbone, output_stride, **options)
    shape = image_shape(name, task)
    rng = np.random.default_rng(0)
    images = tf.constant(rng.uniform(0, 255, shape).astype("float32"))
    if way == "convolutions":
        print_cost(convolutions(model, images, task == "step"), repeats)
        return
    if task == "inference":
        predict = tf.function(models.inference_model(model), autograph=False)
        print_cost(lambda: [predict(images, training=False)], repeats)
        return
    labels = tf.constant(rng.integers(0, CLASSES, shape[:3], "int32"))
    loss = losses.SegmentationCrossentropy()
    if isinstance(model.output, dict):
        labels = dict.fromkeys(model.output, labels)
        loss = dict.fromkeys(model.output, loss)
    if way == REMAT:
        training.rematerialize(model.get_layer("backbone"))
    model.compile(training.SGD(1e-3, momentum=0.9), loss, jit_compile=False)
    print_cost(lambda: [tf.constant(model.train_on_batch(images, labels))], repeats)


def convolutions(model, images, training):
    """Returns a function that runs the convolutions of a model one after the other.

    Args:
        model: `keras.Model`.
        images: batch of images of static shape.
        training: bool. Whether to run the model's auxiliary heads, and the gradients of
            each convolution with respect to its input and kernel.
    """
    import tensorflow as tf

    from keras_seg import models

    model = model if training else models.inference_model(model)
    traced = tf.function(model, autograph=False).get_concrete_function(images)
    found = []
    for operation in traced.graph.get_operations():
        if operation.type in ("Conv2D", "DepthwiseConv2dNative"):
            names = "strides", "padding", "explicit_paddings", "dilations"
            attributes = {name: operation.get_attr(name) for name in names}
            shapes = [tensor.shape for tensor in operation.inputs]
            found.append((getattr(tf.raw_ops, operation.type), shapes, attributes))

    def run(value):
        for convolve, shapes, attributes in found:
            with tf.control_dependencies([value]):  # one after the other
                inputs = [tf.fill(shape, value) for shape in shapes]
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                y = convolve(input=inputs[0], filter=inputs[1], **attributes)
            results = [y, *tape.gradient(y, inputs)] if training else [y]
            # What is not used is not computed.
            value = value + 1e-9 * sum(x[(0,) * 4] for x in results)
        return [value]

    run = tf.function(run, autograph=False)
    return lambda: run(tf.constant(0.5))


def command_of(name, task, way, args):
    """Returns the command in the peers' environment that measures a line."""
    benchmarks = pathlib.Path(__file__).parent
    command = [benchmarks / "keras_hub_network.py"]
    if way != "KerasHub":
        form = TORCH_FORMS[way]
        command = [benchmarks / "torch_network.py", args.peers, form, name, task]
    command = [args.peers_python, *command, args.repeats, *image_shape(name, task)]
    return list(map(str, command))


def way_cost(name, task, way, args):
    """Returns the costs of a line of the table, or None if measuring fails."""
    if way not in TORCH_FORMS and way != "KerasHub":
        return cost("benchmarks.networks", "--one", name, task, way, args.repeats)
    command = command_of(name, task, way, args)
    done = subprocess.run(command, capture_output=True, text=True)
    return None if done.returncode else [float(x) for x in done.stdout.split()[-3:]]


def is_measured(name, task, way, args):
    """Returns whether the line is there, which those of peers may not be."""
    if way == "KerasHub":
        return bool(args.peers) and (name, task) == ("deeplab_separable", "inference")
    if way == REMAT:
        return task == "step"
    return way not in TORCH_FORMS or bool(args.peers)


def print_table(args):
    print(f"{THREADS} threads\n")
    print("| network | task | way | first ms | ms | MB |\n" + "| --- " * 6 + "|")
    for name in args.networks:
        for task in args.tasks:
            for way in args.ways:
                if not is_measured(name, task, way, args):
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
    add("--peers-python", default=sys.executable, help="one with PyTorch, KerasHub")
    # Arguments of the worker processes.
    add("--one", nargs=4, help=argparse.SUPPRESS)
    main(parser.parse_args())
