"""Measures time and peak memory of the context prior: released, plain and fused.

Run:    python -m benchmarks.affinity

The input is one image of N pixels with 512 channels and 150 classes. The tasks are:

- loss: value of the affinity loss and its gradient with respect to the logits. "dense"
  is the formulation of the released code in TensorFlow, which stores the ideal
  affinities and all products as maps, in a graph and compiled by XLA; "plain" is
  `ops.affinity_loss`.
- step: context and loss from aggregated features, and their gradients with respect to
  features and weights. "dense" and "plain" store the whole prior; "fused" is
  `ops.fused_prior`.

Each line is measured in a separate process. Memory is the peak above the level before
the first call, including compilation. Times are the best of a few calls.
"""

import argparse

from benchmarks.processes import cost, print_cost

SIZES = (1024, 2304, 4096, 9216)
CHANNELS, CLASSES = 512, 150


def measure(task, way, pixels):
    import tensorflow as tf

    from keras_seg import ops, xla_scope

    def dense_loss(logits, labels):
        one_hot = tf.one_hot(labels, CLASSES)
        affinity = tf.matmul(one_hot, one_hot, transpose_b=True)
        prior = tf.sigmoid(logits)
        unary = -(affinity * log(prior) + (1 - affinity) * log(1 - prior))
        others = (1 - tf.eye(pixels)) * affinity
        counts = tf.reduce_sum(others, 2), tf.reduce_sum(1 - affinity, 2)
        same = tf.reduce_sum(prior * others, 2)
        recall = same / tf.maximum(counts[0], 1)
        apart = tf.reduce_sum((1 - prior) * (1 - affinity), 2)
        specificity = apart / tf.maximum(counts[1], 1)
        precision = same / tf.reduce_sum(prior, 2)
        terms = [log(recall), log(specificity), log(precision)]
        return tf.reduce_mean(unary) - sum(tf.reduce_mean(term) for term in terms)

    def log(x):
        return tf.maximum(tf.math.log(x), -100.0)

    def plain_loss(logits, labels):
        return tf.reduce_mean(ops.affinity_loss(logits, labels, CLASSES))

    def step(x, kernel, bias, labels):
        if way == "fused":
            context, losses = ops.fused_prior(x, kernel, bias, labels, CLASSES)
            return tf.reduce_mean(losses) + tf.reduce_sum(context**2)
        logits = tf.matmul(x, kernel) + bias
        if way == "plain":
            context, _ = ops.prior_context(logits, x)
            return plain_loss(logits, labels) + tf.reduce_sum(context**2)
        context = tf.matmul(tf.sigmoid(logits), x) / pixels
        return dense_loss(logits, labels) + tf.reduce_sum(context**2)

    tf.random.set_seed(0)
    labels = tf.random.uniform((1, pixels), 0, CLASSES, tf.int32)
    if task == "loss":
        inputs = [tf.random.normal((1, pixels, pixels))]
        function = plain_loss if way == "plain" else dense_loss
    else:
        inputs = [
            tf.random.normal((1, pixels, CHANNELS)) / 10,
            tf.random.normal((CHANNELS, pixels)),
            tf.zeros(pixels),
        ]
        function = step

    def value_and_gradient(*inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = function(*inputs, labels)
        return loss, tape.gradient(loss, inputs)

    compiled = tf.function(value_and_gradient, jit_compile=way == "dense, XLA")
    with xla_scope(way in ("plain", "fused")):
        print_cost(lambda: compiled(*inputs))


def main():
    print(
        f"{'task':<6}{'N':>6}  {'way':<14}{'first ms':>10}{'ms':>8}{'MB':>8}{'maps':>7}"
    )
    ways = {"loss": ("dense", "dense, XLA", "plain")}
    ways["step"] = (*ways["loss"], "fused")
    for task, names in ways.items():
        for pixels in SIZES:
            for way in names:
                head = f"{task:<6}{pixels:>6}  {way:<14}"
                costs = cost("benchmarks.affinity", task, way, pixels)
                if costs is None:
                    print(f"{head}{'failed':>10}", flush=True)
                    continue
                first, best, megabytes = costs
                maps = megabytes / (pixels**2 * 4 / 2**20)
                print(
                    f"{head}{first:>10.0f}{best:>8.0f}{megabytes:>8.0f}{maps:>7.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("one", nargs="*", help="task, way and N: what main() runs")
    one = parser.parse_args().one
    measure(one[0], one[1], int(one[2])) if one else main()
