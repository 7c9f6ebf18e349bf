"""Measures the gain and cost of compiling the core ops by XLA on this machine.

Run:    python -m benchmarks.xla ops      # each op and its gradient
        python -m benchmarks.xla steps    # a training step of each network
        python -m benchmarks.xla sizes    # maps of a new size in every call

Each line is measured in a separate process. "first ms" is the first call, including
tracing and compilation, "ms" the best of several others; "MB" is the peak memory above
the level before the first call.

ops: features of a 480 x 480 crop at output stride 8, with the channels that the
networks have there. steps: ResNet-50 at output stride 8, 19 classes, two images of
256 x 256 (DSRL: 128 x 128 to 256 x 256), all heads and losses, SGD with momentum.
sizes: an op and its gradient at ten sizes, one call each, summed.
"""

import argparse

from benchmarks.processes import cost, print_cost

FEATURES = 2, 60, 60, 512
CELLS, CLASSES = 3600, 19
OPS = (
    "strip_pool",
    "adaptive_average_pool",
    "adaptive_max_pool",
    "resize_bilinear",
    "prior_context",
    "affinity_loss",
    "fused_prior",
    "feature_affinity, order 1",
    "feature_affinity, order 2",
)
NETWORKS = "SPNet", "HANet", "CPNet", "CPNet, fused", "DSRL", "DeepLabV3Plus"
WAYS = {"plain": False, "XLA": True, "default": None}


def measure_op(name, way):
    import tensorflow as tf

    import keras_seg
    from keras_seg import ops

    tf.random.set_seed(0)
    normal = tf.random.normal
    labels = tf.random.uniform((2, CELLS), 0, CLASSES, tf.int32)
    cases = {
        "strip_pool": ([normal(FEATURES)], ops.strip_pool),
        "adaptive_average_pool": (
            [normal(FEATURES)],
            lambda x: ops.adaptive_average_pool(x, (20, 20)),
        ),
        "adaptive_max_pool": (
            [normal((2, 60, 60, 2048))],
            lambda x: ops.adaptive_max_pool(x, (16, 1)),
        ),
        "resize_bilinear": (
            [normal((2, 60, 60, CLASSES))],
            lambda x: ops.resize_bilinear(x, (480, 480)),
        ),
        "prior_context": (
            [normal((2, CELLS, CELLS)), normal((2, CELLS, 512))],
            ops.prior_context,
        ),
        "affinity_loss": (
            [normal((2, CELLS, CELLS))],
            lambda x: ops.affinity_loss(x, labels, CLASSES),
        ),
        "fused_prior": (
            [normal((2, CELLS, 512)) / 10, normal((512, CELLS)), tf.zeros(CELLS)],
            lambda *x: ops.fused_prior(*x, labels, CLASSES),
        ),
        "feature_affinity, order 1": (
            [normal((2, CELLS, 32)), normal((2, CELLS, 32))],
            lambda *x: ops.feature_affinity(*x, order=1),
        ),
        "feature_affinity, order 2": (
            [normal((2, CELLS, 32)), normal((2, CELLS, 32))],
            lambda *x: ops.feature_affinity(*x, order=2),
        ),
    }
    inputs, op = cases[name]
    step = tf.function(lambda *inputs: value_and_gradient(op, inputs))
    with keras_seg.xla_scope(WAYS[way]):
        print_cost(lambda: step(*inputs), repeats=15, seconds=20)


def value_and_gradient(op, inputs):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = sum(tf.reduce_sum(part**2) for part in tf.nest.flatten(op(*inputs)))
    return value, tape.gradient(value, inputs)


def measure_step(name, way):
    import keras
    import numpy as np
    import tensorflow as tf

    import keras_seg
    from keras_seg import losses, models, training

    keras_seg.set_xla(WAYS[way])
    keras.utils.set_random_seed(0)
    side = 128 if name == "DSRL" else 256
    options = {"auxiliary_head": True}
    if "CPNet" in name:
        options |= {"prior_size": (32, 32), "fused_prior": "fused" in name}
    network = getattr(models, name.split(",")[0])
    model = network(CLASSES, **options)
    loss = dict.fromkeys(model.output, losses.SegmentationCrossentropy()) | {
        "context_prior": losses.OutputLoss()
        if "fused" in name
        else losses.AffinityLoss((32, 32), CLASSES),
        "super_resolution": keras.losses.MeanSquaredError(),
        "feature_affinity": losses.OutputLoss(),
    }
    model.compile(
        keras.optimizers.SGD(1e-3, momentum=0.9),
        loss={output: loss[output] for output in model.output},
        jit_compile=False,
    )
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (2, 256, 256, 3)).astype("float32")
    labels = rng.integers(0, CLASSES, (2, 256, 256), "int32")
    targets = training.named_targets(model, scale=256 // side)
    inputs, targets = targets(tf.constant(images), tf.constant(labels))
    print_cost(lambda: [tf.constant(model.train_on_batch(inputs, targets))], repeats=6)


def measure_sizes(name, way):
    """Measures an op with static shapes, plain or compiled, or with dynamic shapes."""
    import tensorflow as tf

    import keras_seg
    from keras_seg import ops

    cases = {
        "strip_pool": (512, ops.strip_pool),
        "resize_bilinear": (CLASSES, lambda x: ops.resize_bilinear(x, (480, 480))),
    }
    channels, op = cases[name]

    def step(x):
        return value_and_gradient(op, [x])

    free = tf.TensorSpec((None, None, None, channels))
    if way == "dynamic":
        function = tf.function(step, input_signature=[free])
    elif way == "dynamic, compiled":
        function = tf.function(step, input_signature=[free], jit_compile=True)
    else:
        function = tf.function(step)
    maps = [tf.random.normal((2, 50 + i, 61 - i, channels)) for i in range(10)]

    def all_sizes():
        return [function(x)[0] for x in maps][-1:]

    with keras_seg.xla_scope(way == "XLA"):
        print_cost(all_sizes, repeats=6)


def table(task, names, ways):
    width = max(map(len, ways)) + 2
    print(f"{'':<28}{'':<{width}}{'first ms':>10}{'ms':>9}{'MB':>8}")
    for name in names:
        for way in ways:
            numbers = cost("benchmarks.xla", task, name, way)
            if numbers is None:
                print(f"{name:<28}{way:<{width}}{'failed':>10}", flush=True)
                continue
            first, best, megabytes = numbers[-3:]
            print(
                f"{name:<28}{way:<{width}}{first:>10.0f}{best:>9.1f}{megabytes:>8.0f}",
                flush=True,
            )


TASKS = {
    "ops": (measure_op, OPS, ("plain", "XLA")),
    "steps": (measure_step, NETWORKS, tuple(WAYS)),
    "sizes": (
        measure_sizes,
        ("strip_pool", "resize_bilinear"),
        ("plain", "XLA", "dynamic", "dynamic, compiled"),
    ),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("one", nargs="*", help="the name and way to measure")
    args = parser.parse_args()
    measure, names, ways = TASKS[args.task]
    measure(*args.one) if args.one else table(args.task, names, ways)
