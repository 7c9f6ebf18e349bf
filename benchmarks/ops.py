"""Times the core ops with and without XLA, forward and with the gradient.

Run:    make bench
"""

import time

import tensorflow as tf

import keras_seg
from keras_seg import ops

# Features of a 480 x 480 crop at output stride 8, and its logits.
CASES = {
    "strip_pool": (lambda x: ops.strip_pool(x)[0], (2, 60, 60, 512)),
    "adaptive_average_pool": (
        lambda x: ops.adaptive_average_pool(x, (20, 20)),
        (2, 60, 60, 256),
    ),
    "adaptive_max_pool": (
        lambda x: ops.adaptive_max_pool(x, (16, 1)),
        (2, 60, 60, 2048),
    ),
    "resize_bilinear": (
        lambda x: ops.resize_bilinear(x, (480, 480)),
        (2, 60, 60, 19),
    ),
}
REPEATS = 10


def forward(op, x):
    return tf.reduce_sum(op(x) ** 2)


def gradient(op, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = forward(op, x)
    return tape.gradient(loss, x)


def milliseconds(function, x):
    """Of the first call, with tracing and compilation, and the median of the others."""
    times = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        function(x).numpy()
        times.append(1000 * (time.perf_counter() - start))
    first, *others = times
    return first, sorted(others)[REPEATS // 2]


def main():
    print(f"{'op':<24}{'pass':<10}{'XLA':<6}{'first call ms':>15}{'median ms':>12}")
    for name, (op, shape) in CASES.items():
        x = tf.random.normal(shape)
        for way in (forward, gradient):
            for enabled in (False, True):
                with keras_seg.xla_scope(enabled):
                    function = tf.function(lambda x, op=op, way=way: way(op, x))
                    first, median = milliseconds(function, x)
                state = "on" if enabled else "off"
                row = f"{name:<24}{way.__name__:<10}{state:<6}"
                print(f"{row}{first:>15.0f}{median:>12.1f}")


if __name__ == "__main__":
    main()
