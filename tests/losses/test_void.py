"""One ignore rule for all losses and the metric: what is void does not count."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seg.losses import (
    AffinityLoss,
    OHEMCrossentropy,
    SegmentationCrossentropy,
    SegmentationDice,
    SegmentationFocalCrossentropy,
)
from keras_seg.metrics import MeanIoU
from tests.ways import gradients

SIZE, CLASSES = (4, 5), 4
PIXEL_LOSSES = [
    SegmentationCrossentropy,
    OHEMCrossentropy,
    SegmentationFocalCrossentropy,
    SegmentationDice,
]
LOSSES = [*PIXEL_LOSSES, AffinityLoss]


def make(loss, **options):
    if loss is AffinityLoss:
        options |= {"prior_size": SIZE, "num_classes": CLASSES}
    return loss(**options)


def sample(loss, scale=1.0):
    """Labels, without a void one, and what this loss compares with them."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, (4, *SIZE))
    shape = (4, 20, 20) if loss is AffinityLoss else (4, *SIZE, CLASSES)
    return labels, (scale * rng.normal(size=shape)).astype("float32")


def value_and_gradient(loss, labels, logits):
    value, (gradient,) = gradients(lambda x: (loss(labels, x),) * 2, logits)
    return np.array(value), np.array(gradient)


@pytest.mark.parametrize("loss", LOSSES)
def test_several_void_labels_are_as_one(loss):
    """One of them is also the number of a class; none is told by its size."""
    labels, logits = sample(loss)
    labels[:, 0] = [254, 255, -1, 2, 1]
    one = np.where(np.isin(labels, [254, -1, 2]), 255, labels)
    expected = value_and_gradient(make(loss), one, logits)
    several = make(loss, ignore_class=(255, 254, -1, 2))
    result = value_and_gradient(several, labels, logits)
    for a, b in zip(result, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_the_metric_counts_no_void_label():
    labels, logits = sample(MeanIoU)
    labels[:, 0] = [254, 255, -1, 2, 1]
    one = np.where(np.isin(labels, [254, -1, 2]), 255, labels)
    counts = []
    for ignore_class, y_true in (((255, 254, -1, 2), labels), (255, one)):
        metric = MeanIoU(CLASSES, ignore_class)
        metric.update_state(y_true, logits)
        counts.append(keras.ops.convert_to_numpy(metric.total_cm))
    np.testing.assert_array_equal(*counts)
    assert counts[0].sum() == (one != 255).sum()


@pytest.mark.parametrize("loss", PIXEL_LOSSES)
def test_what_is_predicted_in_void_does_not_matter(loss):
    labels, logits = sample(loss)
    labels[:, :2] = 255
    value, gradient = value_and_gradient(make(loss), labels, logits)
    assert value > 0 and np.abs(gradient[:, 2:]).max() > 0
    assert np.abs(gradient[:, :2]).max() == 0
    changed = logits.copy()
    changed[:, :2] = -1e4 * changed[:, :2]
    np.testing.assert_array_equal(make(loss)(labels, changed), value)


@pytest.mark.parametrize("scale", [1.0, 1e4, 1e37])
@pytest.mark.parametrize("loss", LOSSES)
def test_ignored_images_and_batches_stay_finite(loss, scale):
    labels, logits = sample(loss, scale)
    labels[1] = 255
    value, gradient = value_and_gradient(make(loss), labels, logits)
    assert np.isfinite(value) and value > 0 and np.isfinite(gradient).all()
    assert np.abs(gradient[1]).max() == 0
    value, gradient = value_and_gradient(make(loss), np.full_like(labels, 255), logits)
    assert value == 0 and np.abs(gradient).max() == 0


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("loss", LOSSES)
def test_is_computed_in_float32(loss, dtype):
    labels, logits = sample(loss)
    labels[0] = 255
    half = keras.ops.cast(logits, dtype)
    result = make(loss)(labels, half)
    assert keras.backend.standardize_dtype(result.dtype) == "float32"
    wide = keras.ops.cast(half, "float32")
    np.testing.assert_allclose(result, make(loss)(labels, wide))


@pytest.mark.parametrize(
    "void",
    [[(0, slice(None)), (1, 3)], [(0,), (1,)], [(slice(None),)]],
    ids=["unequal", "a replica", "all"],
)
def test_replicas_are_as_one_device(void, two_replicas):
    """Values add up to the loss, and gradients are those of it."""
    labels, logits = sample(SegmentationCrossentropy)
    for place in void:
        labels[place] = 255
    labels[:2][labels[:2] == 3] = 0  # a class that one replica lacks
    losses = [make(loss) for loss in PIXEL_LOSSES]

    def distribute(x):
        halves = np.split(x, 2)
        return two_replicas.experimental_distribute_values_from_function(
            lambda context: tf.constant(halves[context.replica_id_in_sync_group])
        )

    @tf.function
    def run(labels, logits):
        def replica(labels, logits):
            results = []
            for loss in losses:
                with tf.GradientTape() as tape:
                    tape.watch(logits)
                    value = loss(labels, logits)
                results.append((value, tape.gradient(value, logits)))
            return results

        return two_replicas.run(replica, (labels, logits))

    found = run(distribute(labels), distribute(logits))
    for loss, (values, slopes) in zip(losses, found, strict=True):
        value, gradient = value_and_gradient(loss, labels, logits)
        total = sum(
            np.array(x) for x in two_replicas.experimental_local_results(values)
        )
        np.testing.assert_allclose(total, value, rtol=1e-5)
        parts = two_replicas.experimental_local_results(slopes)
        np.testing.assert_allclose(
            np.concatenate(parts), gradient, rtol=1e-5, atol=1e-8
        )


OPTIONS = {
    SegmentationCrossentropy: {"class_weights": [1.0, 2, 3, 4], "label_smoothing": 0.1},
    OHEMCrossentropy: {
        "threshold": 0.5,
        "min_kept": 0.2,
        "class_weights": [1.0, 2, 3, 4],
        "label_smoothing": 0.1,
    },
    SegmentationFocalCrossentropy: {"gamma": 1.5, "class_weights": [1.0, 2, 3, 4]},
    SegmentationDice: {},
}


@pytest.mark.parametrize("loss", PIXEL_LOSSES)
def test_a_saved_model_keeps_its_loss_and_metric(loss, tmp_path):
    ignore_class = (254, 255)
    inputs = keras.Input((*SIZE, CLASSES))
    model = keras.Model(inputs, keras.layers.Conv2D(CLASSES, 1)(inputs))
    options = {"ignore_class": ignore_class, **OPTIONS[loss]}
    model.compile(
        "sgd", make(loss, **options), metrics=[MeanIoU(CLASSES, ignore_class)]
    )
    labels, logits = sample(loss)
    expected = model.evaluate(logits, labels, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.loss.get_config() == model.loss.get_config()
    assert {"name": loaded.loss.name, **options} == loaded.loss.get_config()
    np.testing.assert_allclose(loaded.evaluate(logits, labels, verbose=0), expected)


@pytest.mark.parametrize("ignore_class", [255, None, (254, 255)])
@pytest.mark.parametrize("loss", PIXEL_LOSSES)
def test_a_configuration_is_all_of_a_loss(loss, ignore_class):
    options = {"ignore_class": ignore_class, "name": "mine", **OPTIONS[loss]}
    config = keras.losses.serialize(make(loss, **options))
    assert keras.losses.deserialize(config).get_config() == options


def test_the_affinity_loss_keeps_its_void_labels():
    loss = make(AffinityLoss, ignore_class=[254, 255])
    clone = keras.losses.deserialize(keras.losses.serialize(loss))
    assert clone.get_config() == loss.get_config()
    assert clone.ignore_class == (254, 255)


@pytest.mark.parametrize("ignore_class", [2.5, "255", (1, None), ["a"]])
@pytest.mark.parametrize("loss", [*LOSSES, MeanIoU])
def test_rejects_what_is_no_label(loss, ignore_class):
    options = {"num_classes": CLASSES} if loss is MeanIoU else {}
    with pytest.raises(ValueError, match="`ignore_class` must be an int, a sequence"):
        make(loss, ignore_class=ignore_class, **options)
