import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seg.losses import SegmentationCrossentropy
from keras_seg.metrics import BoundaryF1, MeanIoU, confusion_matrix


def reference(labels, classes, num_classes, ignore_class=255):
    """Computes the IoU by class by definition, with sets of pixels."""
    valid = labels != ignore_class
    iou = np.full(num_classes, np.nan)
    for c in range(num_classes):
        a, b = (labels == c) & valid, (classes == c) & valid
        if (a | b).any():
            iou[c] = (a & b).sum() / (a | b).sum()
    return iou


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 2, 4, 255], size=(4, 6, 5))
    logits = rng.normal(size=(4, 6, 5, 6)).astype("float32")
    logits[..., [3, 5]] = -9  # 3 and 5 occur nowhere; 4 in labels only
    logits[..., 4] = -9
    return labels, logits


def test_matches_the_definition_over_batches(batch):
    labels, logits = batch
    metric = MeanIoU(6)
    for index in range(4):
        metric.update_state(labels[index : index + 1], logits[index : index + 1])
    expected = reference(labels, logits.argmax(-1), 6)
    assert np.isnan(expected[[3, 5]]).all() and expected[4] == 0
    np.testing.assert_allclose(metric.class_iou(), expected, rtol=1e-6)
    np.testing.assert_allclose(float(metric.result()), np.nanmean(expected), rtol=1e-6)
    metric.reset_state()
    assert float(metric.result()) == 0 and np.isnan(metric.class_iou()).all()


def test_labels_of_another_shape_are_an_error(batch):
    labels, logits = batch
    with pytest.raises(ValueError, match="independent_classes=True.* one-hot labels"):
        MeanIoU(6).update_state(np.eye(6)[labels % 6], logits)
    with pytest.raises(ValueError, match="must have the shape of the logits"):
        MeanIoU(6, independent_classes=True).update_state(labels, logits)
    with pytest.raises(ValueError, match=r"must agree.*labels \(4, 5, 6\)"):
        MeanIoU(6).update_state(labels.transpose(0, 2, 1), logits)
    one, other = MeanIoU(6), MeanIoU(6)
    one.update_state(labels[..., None], logits)
    other.update_state(labels, logits)
    np.testing.assert_array_equal(one.class_iou(), other.class_iou())


@pytest.mark.backend("tensorflow", "integers of 64 bits")
def test_counts_stay_exact_where_float32_and_int32_would_not():
    metric = MeanIoU(2)
    metric.total_cm.assign(np.array([[2**33, 0], [0, 1]]))
    metric.update_state(np.ones((1, 1, 1)), np.array([[[[0.0, 1.0]]]]))
    assert metric.total_cm.numpy().tolist() == [[2**33, 0], [0, 2]]


@pytest.mark.parametrize("dtype", ["int64", "int32"])
def test_counts_continue_beyond_32_bits(dtype):
    """Sample weights simulate batches of 2^31 pixels each."""
    metric = MeanIoU(2, dtype=dtype)
    labels, logits = np.array([[[0, 1]]]), np.array([[[[1.0, 0.0], [0.0, 1.0]]]])
    weights = np.array([[[2**31 - 1, 1]]])
    for _ in range(5):
        metric.update_state(labels, logits, weights)
    metric.update_state(labels * 0 + 1, logits, weights)  # and 2^31 - 1 of 1 as 0
    np.testing.assert_allclose(metric.class_iou(), [5 / 6, 6 / 2**31], rtol=1e-6)
    np.testing.assert_allclose(float(metric.result()), 5 / 12, rtol=1e-6)
    metric.reset_state()
    metric.update_state(labels, logits)
    np.testing.assert_array_equal(metric.class_iou(), [1, 1])
    metric.update_state(1 - labels, logits)
    np.testing.assert_allclose(metric.class_iou(), [1 / 3, 1 / 3], rtol=1e-6)


def test_a_reset_forgets_unknown_labels():
    metric, logits = MeanIoU(2), np.array([[[[1.0, 0.0], [0.0, 1.0]]]])
    metric.update_state(np.array([[[7, 1]]]), logits)
    with pytest.raises(ValueError, match="1 pixels with other labels"):
        metric.result()
    metric.reset_state()
    metric.update_state(np.array([[[0, 1]]]), logits)
    assert float(metric.result()) == 1


@pytest.mark.parametrize("independent", [False, True])
def test_weights_of_pixels_are_whole_numbers(independent):
    labels, logits = np.array([[[0, 1]]]), np.array([[[[1.0, -1.0], [-1.0, 1.0]]]])
    if independent:
        labels = np.stack([1 - labels, labels], axis=-1)
    halves = np.full((1, 1, 2), 0.5)
    metric = MeanIoU(2, independent_classes=independent)
    with pytest.raises(ValueError, match='whole numbers.*dtype="float64".*up to 0.5'):
        metric.update_state(labels, logits, halves)
    metric.update_state(labels, logits, 2 * halves)
    assert float(metric.result()) == 1
    metric = MeanIoU(2, independent_classes=independent, dtype="float64")
    metric.update_state(labels, logits, halves)
    np.testing.assert_array_equal(metric.class_iou(), [1, 1])


@pytest.mark.backend("tensorflow", "tf.function")
def test_fractions_in_a_compiled_step_are_an_error_afterwards():
    labels, logits = tf.zeros((1, 1, 2), "int32"), tf.ones((1, 1, 2, 2))
    metric = MeanIoU(2)

    @tf.function(jit_compile=True)
    def update(*arguments):
        metric.update_state(*arguments)

    update(labels, logits, tf.fill((1, 1, 2), 0.5))
    with pytest.raises(
        ValueError, match="whole numbers.* 2 weights that are fractions"
    ):
        metric.result()
    metric.reset_state()
    update(labels, logits, tf.fill((1, 1, 2), 2.0))
    assert float(metric.result()) == 1


def test_two_replicas_count_every_pixel_once(batch, two_replicas):
    labels, logits = batch
    with two_replicas.scope():
        model = keras.Sequential([keras.Input((6, 5, 6)), keras.layers.Identity()])
        metric = MeanIoU(6)
        model.compile(loss="mse", metrics=[metric])
    # Keras requires a loss, which does not matter here.
    model.compile(loss=lambda y_true, y_pred: 0.0 * y_pred[..., 0], metrics=[metric])
    data = tf.data.Dataset.from_tensor_slices((logits, labels)).batch(2)
    model.evaluate(data, verbose=0)
    assert metric.total_cm.numpy().sum() == (labels != 255).sum()
    np.testing.assert_allclose(
        metric.class_iou(), reference(labels, logits.argmax(-1), 6), rtol=1e-6
    )


def test_config_round_trip():
    metric = MeanIoU(6, ignore_class=254, name="iou")
    config = keras.saving.serialize_keras_object(metric)
    loaded = keras.saving.deserialize_keras_object(config)
    assert loaded.get_config() == metric.get_config()


@pytest.mark.parametrize("shape", [(2, 4, 5, 3), (2, 4, 5, 1), (2, 4, 5)])
def test_predictions_of_other_classes_are_an_error(shape):
    """Logits of other classes, one logit for two classes, and class maps."""
    labels = np.zeros((2, 4, 5), int)
    with pytest.raises(ValueError, match="`y_pred` must be logits .*width, 2"):
        MeanIoU(2).update_state(labels, np.zeros(shape, "float32"))


WEIGHTS = [(), (4,), (4, 1, 1), (1, 6, 5), (4, 6, 1), (4, 6, 5), (4, 6, 5, 1)]


@pytest.mark.parametrize("shape", WEIGHTS)
@pytest.mark.parametrize("independent", [False, True])
def test_weights_may_have_every_shape_that_the_losses_accept(batch, shape, independent):
    labels, logits = batch
    weights = np.random.default_rng(1).integers(0, 3, shape)
    by_image = shape + (1,) * (3 - len(shape)) if len(shape) < 4 else shape[:3]
    each = np.broadcast_to(weights.reshape(by_image), labels.shape)
    if independent:
        labels = np.stack([labels == c for c in range(6)], axis=-1).astype("int32")
        each = np.broadcast_to(each[..., None], labels.shape)
    metrics = [MeanIoU(6, independent_classes=independent) for _ in range(3)]
    metrics[0].update_state(labels, logits, weights)
    for copies in (1, 2):  # a weight counts copies of a pixel
        once = np.where(each >= copies, labels, 255)
        metrics[1].update_state(once, logits)
    metrics[2].update_state(labels, logits, each)
    counts = [keras.ops.convert_to_numpy(metric.total_cm) for metric in metrics]
    np.testing.assert_array_equal(counts[0], counts[1])
    np.testing.assert_array_equal(counts[2], counts[1])


@pytest.mark.parametrize("independent", [False, True])
def test_weights_of_other_shapes_are_an_error(batch, independent):
    labels, logits = batch
    if independent:
        labels = np.zeros((*labels.shape, 6), "int32")
    metric = MeanIoU(6, independent_classes=independent)
    for shape in ((3,), (4, 6), (4, 5, 6)):
        with pytest.raises(ValueError, match="`sample_weight` must be one weight per"):
            metric.update_state(labels, logits, np.ones(shape))
    assert np.isnan(metric.class_iou()).all()  # nothing was counted


def test_weighted_metrics_count_images_by_their_weights(batch):
    labels, logits = batch
    inputs = keras.Input((6, 5, 6))
    model = keras.Model(inputs, keras.layers.Activation("linear")(inputs))
    model.compile("sgd", SegmentationCrossentropy(), weighted_metrics=[MeanIoU(6)])
    weights = np.array([1, 0, 0, 1])
    history = model.fit(logits, labels, sample_weight=weights, verbose=0).history
    kept = weights > 0
    expected = np.nanmean(reference(labels[kept], logits[kept].argmax(-1), 6))
    np.testing.assert_allclose(history["mean_iou"], [expected], rtol=1e-6)


@pytest.mark.parametrize("num_classes", [0, -1, 2.5, "3", None, True])
@pytest.mark.parametrize(
    "measure", [MeanIoU, BoundaryF1, lambda n: confusion_matrix([0], [0], n)]
)
def test_the_number_of_classes_is_a_positive_integer(measure, num_classes):
    with pytest.raises(ValueError, match="`num_classes` must be a positive integer"):
        measure(num_classes)


def test_the_number_of_classes_may_be_of_numpy():
    assert type(MeanIoU(np.int64(3)).get_config()["num_classes"]) is int


def test_takes_lists():
    metric = MeanIoU(2)
    metric.update_state([[[0, 1]]], [[[[1.0, 0.0], [1.0, 0.0]]]])
    assert float(metric.result()) == 0.25
