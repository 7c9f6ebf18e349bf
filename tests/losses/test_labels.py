"""Tests of valid, ignored and invalid labels in all losses and the metric."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seg.losses import (
    AffinityLoss,
    LovaszSoftmax,
    OHEMCrossentropy,
    SegmentationCrossentropy,
    SegmentationDice,
    SegmentationFocalCrossentropy,
    SegmentationTversky,
    WeightedSumLoss,
)
from keras_seg.metrics import MeanIoU, confusion_matrix
from tests.ways import BACKEND, gradients

SIZE, CLASSES = (4, 5), 4
PIXEL_LOSSES = [
    SegmentationCrossentropy,
    OHEMCrossentropy,
    SegmentationFocalCrossentropy,
    SegmentationDice,
    SegmentationTversky,
    LovaszSoftmax,
]
LOSSES = [*PIXEL_LOSSES, AffinityLoss]


def make(loss, **options):
    if loss is AffinityLoss:
        options |= {"prior_size": SIZE, "num_classes": CLASSES}
    return loss(**options)


def sample(loss, scale=1.0):
    """Returns labels, none of them ignored, and logits for a loss."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, (4, *SIZE))
    shape = (4, 20, 20) if loss is AffinityLoss else (4, *SIZE, CLASSES)
    return labels, (scale * rng.normal(size=shape)).astype("float32")


def value_and_gradient(loss, labels, logits):
    value, (gradient,) = gradients(lambda x: (loss(labels, x),) * 2, logits)
    return np.array(value), np.array(gradient)


@pytest.mark.parametrize("loss", LOSSES)
def test_several_ignored_labels_act_like_one(loss):
    """One of the ignored labels is also a class index."""
    labels, logits = sample(loss)
    labels[:, 0] = [254, 255, -1, 2, 1]
    one = np.where(np.isin(labels, [254, -1, 2]), 255, labels)
    expected = value_and_gradient(make(loss), one, logits)
    several = make(loss, ignore_class=(255, 254, -1, 2))
    result = value_and_gradient(several, labels, logits)
    for a, b in zip(result, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_the_metric_counts_no_ignored_label():
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
def test_predictions_in_ignored_pixels_do_not_matter(loss):
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
def test_replicas_match_one_device(void, two_replicas):
    """The values of the replicas add up to the loss, and so do the gradients."""
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
    SegmentationTversky: {"alpha": 0.2, "beta": 0.9, "exponent": 0.75},
    LovaszSoftmax: {"per_image": False, "stride": 2},
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
    assert options.items() <= loaded.loss.get_config().items()
    np.testing.assert_allclose(loaded.evaluate(logits, labels, verbose=0), expected)


@pytest.mark.parametrize("ignore_class", [255, None, (254, 255)])
@pytest.mark.parametrize("loss", PIXEL_LOSSES)
def test_a_configuration_restores_a_loss(loss, ignore_class):
    options = {"ignore_class": ignore_class, "name": "mine", **OPTIONS[loss]}
    options |= {"reduction": "mean", "dtype": "float64"}
    config = keras.losses.serialize(make(loss, **options))
    assert keras.losses.deserialize(config).get_config() == options


def test_the_affinity_loss_keeps_its_ignored_labels():
    loss = make(AffinityLoss, ignore_class=[254, 255])
    clone = keras.losses.deserialize(keras.losses.serialize(loss))
    assert clone.get_config() == loss.get_config()
    assert clone.ignore_class == (254, 255)


@pytest.mark.parametrize("value", [-1, CLASSES, 254, 70000])
@pytest.mark.parametrize("loss", LOSSES)
def test_invalid_labels_raise_an_error_with_their_value(loss, value):
    labels, logits = sample(loss)
    labels[1, 2, 3] = value
    message = rf"classes 0\.\.3 or ignored \(255\).*Received: {value}"
    with pytest.raises(ValueError, match=message):
        make(loss)(labels, logits)
    if BACKEND == "tensorflow":
        step = tf.function(make(loss), autograph=False)
        with pytest.raises(tf.errors.InvalidArgumentError, match=rf"\[{value}\]"):
            step(tf.constant(labels), tf.constant(logits))


@pytest.mark.parametrize("value", [0.5, float("nan")])
@pytest.mark.parametrize("loss", LOSSES)
def test_fractions_are_invalid_labels(loss, value):
    """A cast would make them 0, or the least integer."""
    labels, logits = sample(loss)
    whole = labels.astype("float32")
    np.testing.assert_array_equal(make(loss)(whole, logits), make(loss)(labels, logits))
    whole[1, 2, 3] = value
    with pytest.raises(ValueError, match="Received: a fraction, nan or a number"):
        make(loss)(whole, logits)


BEYOND = [
    (2**32, "int64"),
    (2**32 - 1, "uint32"),
    (-(2**31), "int64"),
    (-(2**31), "int32"),
    (float("inf"), "float32"),
    (float("-inf"), "float16"),
    (1e10, "float32"),
]


@pytest.mark.parametrize("value, dtype", BEYOND)
@pytest.mark.parametrize("loss", LOSSES)
def test_numbers_beyond_32_bits_are_invalid_labels(loss, value, dtype):
    """A cast would make them classes, or ignored labels."""
    labels, logits = sample(loss)
    labels = labels.astype(dtype)
    labels[1, 2, 3] = value
    function = make(loss, ignore_class=(255, -1))
    with pytest.raises(ValueError, match="Labels must be classes"):
        function(labels, logits)
    if BACKEND == "tensorflow":
        step = tf.function(function, autograph=False)
        with pytest.raises(tf.errors.InvalidArgumentError, match="Labels must be"):
            step(tf.constant(labels), tf.constant(logits))


@pytest.mark.parametrize("value, dtype", BEYOND)
def test_the_metric_counts_numbers_beyond_32_bits_as_invalid(value, dtype):
    labels, logits = sample(MeanIoU)
    labels = labels.astype(dtype)
    labels[1, 2, 3] = value
    metric = MeanIoU(CLASSES, ignore_class=(255, -1))
    metric.update_state(labels, logits)
    with pytest.raises(ValueError, match="Received: 1 pixels"):
        metric.result()


def test_the_metric_counts_fractions_as_invalid():
    labels, logits = sample(MeanIoU)
    metric = MeanIoU(CLASSES)
    metric.update_state(labels + 0.5, logits)
    with pytest.raises(ValueError, match=f"Received: {labels.size} pixels"):
        metric.result()


@pytest.mark.backend("tensorflow", "jit_compile")
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("loss", LOSSES)
def test_xla_ignores_invalid_labels(loss, dtype):
    labels, logits = sample(loss)
    logits = tf.cast(logits, dtype)
    labels[:, 0] = [CLASSES, 254, -1, 70000, 255]
    ignored = np.where((labels < 0) | (labels >= CLASSES), 255, labels)
    function = make(loss)

    @tf.function(jit_compile=True)
    def step(labels, logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = function(labels, logits)
        return value, tape.gradient(value, logits)

    expected = step(tf.constant(ignored), logits)
    found = step(tf.constant(labels), logits)
    for a, b in zip(found, expected, strict=True):
        assert np.isfinite(a).all()
        np.testing.assert_array_equal(a, b)
    assert expected[0].dtype == "float32" and expected[0] > 0
    np.testing.assert_allclose(expected[0], function(ignored, logits), rtol=1e-3)


@pytest.mark.backend("tensorflow", "jit_compile")
def test_compiled_training_continues_and_its_metric_raises():
    inputs = keras.Input((*SIZE, CLASSES))
    model = keras.Model(inputs, keras.layers.Conv2D(CLASSES, 1)(inputs))
    loss = WeightedSumLoss([make(loss) for loss in PIXEL_LOSSES])
    model.compile("sgd", loss, jit_compile=True)
    labels, logits = sample(SegmentationCrossentropy)
    labels[0, 0, :2] = [CLASSES, 77]
    history = model.fit(logits, labels, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    model.compile("sgd", loss, metrics=[MeanIoU(CLASSES)], jit_compile=True)
    with pytest.raises(ValueError, match="2 pixels with other labels"):
        model.fit(logits, labels, verbose=0)


@pytest.mark.parametrize("loss", PIXEL_LOSSES)
def test_one_logit_equals_two_with_a_first_of_0(loss):
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 255], (4, *SIZE))
    logits = rng.normal(size=(4, *SIZE, 1)).astype("float32")
    both = np.concatenate([0 * logits, logits], axis=-1)
    options = (
        {"class_weights": {1: 3.0, 0: 0.5}} if "class_weights" in OPTIONS[loss] else {}
    )
    found = value_and_gradient(make(loss, **options), labels, logits)
    expected = value_and_gradient(make(loss, **options), labels, both)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)
    np.testing.assert_allclose(found[1][..., 0], expected[1][..., 1], atol=1e-7)
    metrics = MeanIoU(1), MeanIoU(2)
    for metric, y_pred in zip(metrics, (logits, both), strict=True):
        metric.update_state(labels, y_pred)
    np.testing.assert_array_equal(*(metric.total_cm for metric in metrics))
    assert type(metrics[0]).from_config(metrics[0].get_config()).num_classes == 2


def test_binary_crossentropy_equals_keras():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (4, *SIZE))
    logits = rng.normal(size=(4, *SIZE, 3)).astype("float32")
    theirs = keras.losses.BinaryCrossentropy(from_logits=True)
    found = SegmentationCrossentropy()(labels, logits[..., :1])
    np.testing.assert_allclose(found, theirs(labels[..., None], logits[..., :1]), 1e-5)
    # Independent classes: each has a label of its own.
    several = np.stack([labels, 1 - labels, labels], axis=-1)
    found = SegmentationCrossentropy()(several, logits)
    np.testing.assert_allclose(found, theirs(several, logits), 1e-5)


@pytest.mark.parametrize("loss", PIXEL_LOSSES)
def test_independent_classes_may_be_ignored_one_by_one(loss):
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 255], (4, *SIZE, 3))
    logits = rng.normal(size=(4, *SIZE, 3)).astype("float32")
    value, gradient = value_and_gradient(make(loss), labels, logits)
    assert value > 0
    assert (gradient[labels == 255] == 0).all()
    changed = np.where(labels == 255, 50, logits)
    np.testing.assert_array_equal(make(loss)(labels, changed), value)
    with pytest.raises(ValueError, match=r"classes 0\.\.1 or ignored.*Received: 2"):
        make(loss)(np.where(labels == 255, 2, labels), logits)


@pytest.mark.parametrize("loss", PIXEL_LOSSES)
def test_a_last_axis_of_one_is_not_a_class(loss):
    labels, logits = sample(loss)
    weights = np.random.default_rng(1).uniform(size=labels.shape)
    expected = make(loss)(labels, logits, weights)
    found = make(loss)(labels[..., None], logits, weights[..., None])
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shape", [(3,), (4, 4), (4, *SIZE, 2), (4, *SIZE, 1, 1)])
@pytest.mark.parametrize("loss", PIXEL_LOSSES)
def test_rejects_sample_weights_of_other_shapes(loss, shape):
    labels, logits = sample(loss)
    with pytest.raises(ValueError, match="`sample_weight` must be one weight per"):
        make(loss)(labels, logits, np.ones(shape))


@pytest.mark.parametrize("reduction", ["sum", None, "none", "median"])
@pytest.mark.parametrize("loss", PIXEL_LOSSES)
def test_the_mean_is_the_only_reduction(loss, reduction):
    with pytest.raises(ValueError, match="`reduction` must be one of sum_over_batch"):
        make(loss, reduction=reduction)


@pytest.mark.parametrize("ignore_class", [2.5, "255", (1, None), ["a"]])
@pytest.mark.parametrize("loss", [*LOSSES, MeanIoU])
def test_rejects_bad_ignore_class(loss, ignore_class):
    options = {"num_classes": CLASSES} if loss is MeanIoU else {}
    with pytest.raises(ValueError, match="`ignore_class` must be an int, a sequence"):
        make(loss, ignore_class=ignore_class, **options)


@pytest.mark.parametrize(
    "ignored", [range(254, 256), np.array([254, 255]), frozenset([254, 255])]
)
def test_ignored_labels_may_be_any_collection(ignored):
    found = SegmentationCrossentropy(ignored).get_config()["ignore_class"]
    assert sorted(found) == [254, 255]
    assert confusion_matrix([254, 255, 1], [0, 0, 0], 2, ignored).sum() == 1


@pytest.mark.parametrize("loss", [SegmentationDice, LovaszSoftmax, SegmentationTversky])
def test_losses_of_areas_have_no_class_weights(loss):
    with pytest.raises(TypeError, match="unexpected keyword argument 'class_weights'"):
        loss(class_weights=[1.0, 2.0])


@pytest.mark.parametrize("loss", PIXEL_LOSSES)
def test_an_empty_batch_has_no_loss(loss):
    for axes in ((), (CLASSES,)):
        labels = np.zeros((0, *SIZE, *axes), "int32")
        assert float(make(loss)(labels, np.zeros((0, *SIZE, CLASSES), "float32"))) == 0
