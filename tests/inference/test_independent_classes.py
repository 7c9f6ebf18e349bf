"""Models that say that their classes are independent, from metric to export."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seg.export import export_litert, export_onnx, export_saved_model
from keras_seg.inference import (
    evaluate,
    evaluate_masks,
    evaluation_table,
    multi_scale,
    predict,
    prediction_model,
    sliding_window,
    write_evaluation,
)
from keras_seg.layers import NetworkOutput
from keras_seg.losses import SegmentationCrossentropy
from keras_seg.metrics import MeanIoU
from keras_seg.models import network_info, replace_classifier
from keras_seg.training import ClassIoULog
from tests.models.networks import tiny_dsrl, tiny_hanet, tiny_spnet

NAMES = ["road", "wet", "marking"]


def network(independent=True, size=(None, None)):
    """A network of one convolution, whose logits have both signs."""
    image = keras.Input((*size, 3), name="image")
    x = keras.layers.Rescaling(1 / 127.5, -1)(image)
    x = keras.layers.Conv2D(3, 3, padding="same", bias_initializer="normal")(x)
    x = NetworkOutput(independent_classes=independent)(x)
    return keras.Model(image, x, name="one_convolution")


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return network()


@pytest.fixture(scope="module")
def sample(model):
    """Images, labels of 0, 1 and 255, and the logits."""
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (3, 8, 11, 3)).astype("uint8")
    labels = rng.choice([0, 1, 255], (3, 8, 11, 3), p=[0.5, 0.4, 0.1])
    logits = keras.ops.convert_to_numpy(model(images.astype("float32")))
    assert 0.1 < (logits > 0).mean() < 0.9
    return images, labels, logits


def reference_iou(labels, logits):
    """Computes the IoU of each class by its definition."""
    found, valid = logits > 0, labels != 255
    return [
        ((labels == 1) & found & valid)[..., c].sum()
        / (((labels == 1) | found) & valid)[..., c].sum()
        for c in range(labels.shape[-1])
    ]


@pytest.mark.parametrize(
    "build", [tiny_spnet, tiny_hanet, tiny_dsrl], ids=["spnet", "hanet", "dsrl"]
)
def test_networks_say_so_in_copies_too(build):
    network = build(independent_classes=True, auxiliary_head=True)
    info = network_info(network)
    assert info.independent_classes
    assert info.outputs["auxiliary"].independent_classes
    assert network_info(replace_classifier(network, 5)).independent_classes
    assert network_info(prediction_model(network)).independent_classes
    assert not network_info(build()).independent_classes


def test_an_output_without_labels_has_no_classes():
    with pytest.raises(ValueError, match="`independent_classes` must be False"):
        NetworkOutput("image", independent_classes=True)


def test_predict_gives_a_mask_for_each_class(model, sample):
    images, _, logits = sample
    masks, probabilities = predict(model, images[0], return_probabilities=True)
    assert masks.dtype == "uint8"
    np.testing.assert_array_equal(masks, logits[0] > 0)
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-logits[0])), rtol=1e-5)


def test_views_average_the_probabilities_of_each_class(model, sample):
    """A mirrored window sees what the network sees in the mirrored image."""
    images, _, logits = sample
    mirrored = model(images[:, :, ::-1].astype("float32")).numpy()[:, :, ::-1]
    expected = np.mean([1 / (1 + np.exp(-x)) for x in (logits, mirrored)], axis=0)
    views = multi_scale(sliding_window(model, (8, 11)), scales=(1.0,))
    assert network_info(views).independent_classes
    result = keras.ops.sigmoid(views(images.astype("float32")))
    np.testing.assert_allclose(result, expected, rtol=1e-4)


def test_evaluation_and_metric_equal_the_definition(model, sample, tmp_path):
    images, labels, logits = sample
    expected = reference_iou(labels, logits)
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).batch(2)
    result = evaluate(model, batches, NAMES)
    assert list(result["class_iou"]) == NAMES
    np.testing.assert_allclose(list(result["class_iou"].values()), expected)
    np.testing.assert_allclose(result["mean_iou"], np.mean(expected))
    valid = labels != 255
    right = ((logits > 0) == labels)[valid]
    np.testing.assert_allclose(result["pixel_accuracy"], right.mean())
    np.testing.assert_allclose(result["ignored_share"], np.mean(~valid))
    share = (labels[..., 1] == 1).sum() / valid[..., 1].sum()
    np.testing.assert_allclose(result["class_share"]["wet"], share)
    assert evaluation_table(result).splitlines()[-1].split()[:2] == ["mean", "IoU"]
    write_evaluation(result, tmp_path / "evaluation.json")
    assert json.loads((tmp_path / "evaluation.json").read_text()) == result

    metric = MeanIoU(3, independent_classes=True)
    model.compile(loss=SegmentationCrossentropy(), metrics=[metric])
    scores = model.evaluate(batches, return_dict=True, verbose=0)
    np.testing.assert_allclose(scores["mean_iou"], np.mean(expected), rtol=1e-6)
    log, logs = ClassIoULog(NAMES), {}
    log.set_model(model)
    log.on_test_end()
    log.on_epoch_end(0, logs)
    np.testing.assert_allclose([*logs.values()], expected, rtol=1e-6)


def test_labels_and_model_must_agree(model, sample):
    images, labels, _ = sample
    of_masks = tf.data.Dataset.from_tensor_slices((images, labels)).batch(1)
    of_classes = of_masks.map(lambda image, label: (image, label[..., 0]))
    for predicts, batches in ((model, of_classes), (network(False), of_masks)):
        with pytest.raises(ValueError, match="State whether a model's classes are"):
            evaluate(predicts, batches, NAMES)
    for batches in ([(images, labels)], of_masks.map(lambda image, label: image)):
        with pytest.raises(TypeError, match="must be a tf.data.Dataset of .images, la"):
            evaluate(model, batches, NAMES)


def test_masks_have_two_values():
    labels = np.zeros((1, 2, 3), int)
    assert np.isnan(evaluate_masks([(labels, labels)], NAMES)["mean_iou"])
    with pytest.raises(ValueError, match="Received values in 0..255"):
        evaluate_masks([(labels, labels + [0, 1, 255])], NAMES)
    with pytest.raises(ValueError, match=r"0..1 or ignored \(255\).*Received: .7."):
        evaluate_masks([(labels + [0, 1, 7], labels)], NAMES)


@pytest.mark.filterwarnings("ignore:The model is exported without warm-up")
def test_a_saved_model_serves_masks(model, sample, tmp_path):
    images, _, logits = sample
    path = export_saved_model(model, tmp_path / "1", class_names=NAMES)
    served = tf.saved_model.load(str(path)).signatures
    classes = served["serving_default"](images=tf.constant(images))["classes"]
    assert classes.dtype == "uint8"
    np.testing.assert_array_equal(classes, logits > 0)
    answer = served["probabilities"](images=tf.constant(images))["probabilities"]
    np.testing.assert_allclose(answer, 1 / (1 + np.exp(-logits)), rtol=1e-4)


@pytest.mark.parametrize("quantization", [None, "int8"])
def test_litert_gives_masks(sample, tmp_path, quantization):
    pytest.importorskip("ai_edge_litert")
    from ai_edge_litert.interpreter import Interpreter

    images = sample[0]
    model = network(size=(8, 11))
    path = export_litert(
        model,
        tmp_path / "a.tflite",
        quantization=quantization,
        representative_images=images if quantization else None,
    )
    run = Interpreter(str(path)).get_signature_runner()
    classes = run(images=images[:1])["classes"]
    logits = keras.ops.convert_to_numpy(model(images[:1].astype("float32")))
    assert classes.shape == logits.shape
    assert np.mean(classes == (logits > 0)) > (0.95 if quantization else 0.999)


def test_onnx_gives_masks(model, sample, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    images, _, logits = sample
    path = export_onnx(model, tmp_path / "a.onnx", outputs=("classes", "probabilities"))
    session = onnxruntime.InferenceSession(path)
    classes, probabilities = session.run(None, {"images": images})
    np.testing.assert_array_equal(classes, logits > 0)
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-logits)), rtol=1e-4)


def test_images_that_fill_up_a_batch_do_not_count():
    labels = np.zeros((3, 4, 5, 3), "uint8")
    labels[0, 0] = 255
    filled = np.concatenate([labels, np.full((1, 4, 5, 3), 255, "uint8")])
    single = [(label, np.zeros_like(label)) for label in labels]
    pairs = [(part, np.zeros_like(part)) for part in (filled[:2], filled[2:])]
    result = evaluate_masks(pairs, NAMES)
    assert result["ignored_share"] == 1 / 12
    np.testing.assert_equal(result, evaluate_masks(single, NAMES))
