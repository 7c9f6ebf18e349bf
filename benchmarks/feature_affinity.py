"""Measures time, memory and error of feature affinity: the paper's formula and ours.

Run:    python -m benchmarks.feature_affinity

The inputs are two maps of N pixels with 16 channels each; N is the number of pixels of
a 512 x 1024 image after pooling by 16, 8, 4, 2 and 1. "dense" is the paper's equation
in TensorFlow, which stores maps of all pixel pairs, in a graph and compiled by XLA;
"blocks" is `ops.feature_affinity` with order 1 and "closed form" with order 2.

"-" marks cases that are skipped: dense maps that do not fit into memory, and order 1 at
full resolution, whose time grows with N^2 to six minutes or more per call on 2 cores.

The first table covers the value and its gradient with respect to both maps. Each line
is measured in a separate process. Memory is the peak above the level before the first
call, including compilation. Times are the best of a few calls.

The second table shows the difference from the value of NumPy in float64, for features
after a ReLU: "unrelated" maps, and "close" maps that differ by noise of 0.001.
"""

import argparse

from benchmarks.processes import cost, print_cost

SIZES = (2048, 8192, 32768, 131072, 524288)
CHANNELS = 16
DENSE_BYTES = 6e9  # for two maps of pixel pairs; a gradient needs a few more
BLOCKS_PIXELS = 131072  # about 23 s per call
EXACT_PIXELS = 32768  # NumPy computes all pixel pairs


def features(pixels, close):
    """Returns two maps `(1, N, channels)`, non-negative as after a ReLU."""
    import tensorflow as tf

    tf.random.set_seed(0)
    a, b = (tf.abs(tf.random.normal((1, pixels, CHANNELS))) for _ in range(2))
    return a, a + 1e-3 * tf.random.normal(a.shape) if close else b


def affinity(way, order):
    """Returns the graph function of two maps for a way of computing the affinity."""
    import tensorflow as tf

    from keras_seg import ops

    def dense(a, b):
        return tf.reduce_mean(tf.abs(similarity(a) - similarity(b)) ** order, (1, 2))

    def similarity(x):
        x = tf.math.l2_normalize(x, -1, 0.0)
        return tf.matmul(x, x, transpose_b=True)

    def package(a, b):
        return ops.feature_affinity(a, b, order)

    return tf.function(
        dense if "dense" in way else package, jit_compile=way == "dense, XLA"
    )


def ways(order):
    return "dense", "dense, XLA", {1: "blocks", 2: "closed form"}[order]


def fits(way, pixels):
    if "dense" in way:
        return 2 * 4 * pixels**2 <= DENSE_BYTES
    return way == "closed form" or pixels <= BLOCKS_PIXELS


def measure(way, order, pixels):
    import tensorflow as tf

    function = affinity(way, order)

    @tf.function(jit_compile=way == "dense, XLA")
    def value_and_gradient(a, b):
        with tf.GradientTape() as tape:
            tape.watch((a, b))
            value = function(a, b)
        return value, tape.gradient(value, (a, b))

    a, b = features(pixels, close=False)
    print_cost(lambda: value_and_gradient(a, b))


def exact(a, b):
    """Computes the values of order 1 and 2 in float64, by blocks of rows."""
    import numpy as np

    a, b = (x[0].numpy().astype("float64") for x in (a, b))
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    sums = np.zeros(2)
    for start in range(0, len(a), 256):
        rows = slice(start, start + 256)
        difference = np.abs(a[rows] @ a.T - b[rows] @ b.T).ravel()
        sums += difference.sum(), difference @ difference
    return sums / len(a) ** 2


def print_costs():
    columns = f"{'first ms':>10}{'ms':>10}{'MB':>8}"
    print(f"{'order':<6}{'N':>7}  {'way':<12}{columns}")
    for order in (1, 2):
        for pixels in SIZES:
            for way in ways(order):
                result = "".join(f"{'-':>{n}}" for n in (10, 10, 8))
                if fits(way, pixels):
                    costs = cost("benchmarks.feature_affinity", way, order, pixels)
                    result = f"{'failed':>10}"
                    if costs:
                        first, best, megabytes = costs
                        result = f"{first:>10.0f}{best:>10.1f}{megabytes:>8.0f}"
                print(f"{order:<6}{pixels:>7}  {way:<12}{result}", flush=True)


def print_errors():
    head = f"{'order':<6}{'N':>7}  {'maps':<11}{'value':>10}  {'way':<12}"
    print(f"\n{head}{'absolute':>10}{'relative':>10}")
    for pixels in SIZES:
        if pixels > EXACT_PIXELS:
            continue
        for close in (False, True):
            maps = features(pixels, close)
            for order, value in zip((1, 2), exact(*maps), strict=True):
                for way in ways(order):
                    if not fits(way, pixels):
                        continue
                    error = abs(float(affinity(way, order)(*maps)[0]) - value)
                    name = "close" if close else "unrelated"
                    row = f"{order:<6}{pixels:>7}  {name:<11}{value:>10.2e}  {way:<12}"
                    print(f"{row}{error:>10.0e}{error / value:>10.0e}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("one", nargs="*", help="way, order and N: what a process runs")
    one = parser.parse_args().one
    if one:
        measure(one[0], int(one[1]), int(one[2]))
    else:
        print_costs()
        print_errors()  # afterwards: it makes this process large
