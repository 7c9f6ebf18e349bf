"""Measures the gain of folding batch norms into convolutions for TensorFlow inference.

Run:    python -m benchmarks.batch_norm
        python -m benchmarks.batch_norm --size 64 128 --repeats 3    # to try it

Times are medians of the CPU time of a call in milliseconds, summed over both threads;
other work on the machine affects them less than elapsed time. "variables" is the graph
that Keras's predict and a SavedModel run. In "folded", each batch norm only adds a
bias, which is all that remains after a convolution has absorbed its scale. "constants"
is the unchanged network with its weights frozen into the graph, where TensorFlow's
optimizer folds by itself. ONNX and LiteRT files have frozen weights.
"""

import argparse
import contextlib
import time

CASES = (
    ("DeepLabV3Plus", "efficientnet_lite_b0"),
    ("SPNet", "resnet18"),
    ("HANet", "mobilenet_v3_large"),
    ("DeepLabV3Plus", "resnet50"),
)
THREADS = 2


@contextlib.contextmanager
def bias_alone():
    """Context manager within which a batch norm only adds its beta."""
    import tensorflow as tf

    from keras_seg.layers import BatchNormalization as norm

    before = norm.call

    def add_beta(self, inputs, training=None, mask=None):
        return tf.nn.bias_add(inputs, self.beta) if self.center else inputs

    norm.call = add_beta
    try:
        yield
    finally:
        norm.call = before


def graph(network):
    import tensorflow as tf

    def predict(images):
        return tf.argmax(network(tf.cast(images, "float32"), training=False), axis=-1)

    shape = tf.TensorSpec((None, None, None, 3), "uint8")
    function = tf.function(predict, input_signature=[shape], autograph=False)
    return function.get_concrete_function()


def measure(name, backbone, args):
    import numpy as np
    import tensorflow as tf
    from tensorflow.python.framework import convert_to_constants

    from keras_seg import models

    network = getattr(models, name)(19, backbone, output_stride=16)
    plain = graph(network)
    ways = {
        "variables": plain,
        "constants": convert_to_constants.convert_variables_to_constants_v2(plain),
    }
    with bias_alone():
        ways["folded"] = graph(network)
    shape = 1, *args.size, 3
    images = np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")
    images = tf.constant(images)
    times = {way: [] for way in ways}
    for _ in range(args.repeats + 2):
        # Alternate, so that other work on the machine affects all of them equally.
        for way, function in ways.items():
            start = time.process_time()
            np.asarray(function(images))
            times[way].append(1000 * (time.process_time() - start))
    # The first calls optimize the graphs and are not counted.
    return {way: np.median(found[2:]) for way, found in times.items()}


def main(args):
    import tensorflow as tf

    import keras_seg

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    keras_seg.set_xla(False)
    height, width = args.size
    print(f"{height} x {width}, output stride 16, {THREADS} threads\n")
    print("| network | variables | folded | constants |\n| --- | --- | --- | --- |")
    for name, backbone in CASES:
        found = measure(name, backbone, args)
        columns = [f"{found[way]:.0f}" for way in ("variables", "folded", "constants")]
        print(f"| {name}, {backbone} |", " | ".join(columns), "|", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--size", type=int, nargs=2, default=(256, 512), metavar=("HEIGHT", "WIDTH"))
    add("--repeats", type=int, default=20)
    main(parser.parse_args())
