import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seg.data import SegmentationDataset, evaluation_pipeline
from keras_seg.inference import evaluate, evaluate_label_maps
from keras_seg.ops.replicas import num_replicas
from keras_seg.training import named_targets


class Painted(SegmentationDataset):
    """Images whose red channel is what a model predicts, beside true labels."""

    def __init__(self, predictions, labels):
        super().__init__(("a", "b", "c"))
        self.samples = list(zip(predictions, labels, strict=True))

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        prediction, label = self.samples[index]
        image = np.repeat(prediction[..., None], 3, axis=2)
        return image.astype("uint8"), label.astype("uint8")


def reader():
    """Logits that are largest for the class that the red channel names."""
    image = keras.Input((None, None, 3))
    distances = [
        keras.layers.Lambda(lambda x, k=k: -abs(x[..., :1] - k))(image)
        for k in range(3)
    ]
    return keras.Model(image, keras.layers.Concatenate()(distances))


def test_equals_counting_by_hand():
    rng = np.random.default_rng(0)
    sizes = [(5, 7), (4, 9), (6, 6)]
    predictions = [rng.integers(0, 3, size) for size in sizes]
    labels = [rng.choice([0, 1, 255], size) for size in sizes]
    model = reader()
    model.compile("sgd", "mse")
    batches = evaluation_pipeline(Painted(predictions, labels))
    result = evaluate(model, batches, ("a", "b", "c"))
    assert model.loss == "mse"  # what was compiled stays
    p, t = (np.concatenate([x.ravel() for x in xs]) for xs in (predictions, labels))
    p, t = p[t != 255], t[t != 255]
    ious = [((p == k) & (t == k)).sum() / ((p == k) | (t == k)).sum() for k in range(3)]
    assert np.allclose(list(result["class_iou"].values()), ious)
    assert np.isclose(result["mean_iou"], np.mean(ious))
    assert np.isclose(result["pixel_accuracy"], (p == t).mean())
    counts = [[((t == i) & (p == j)).sum() for j in range(3)] for i in range(3)]
    assert result["confusion_matrix"] == counts
    assert math.isnan(result["class_accuracy"]["c"])  # no pixel's label


@pytest.mark.backend("tensorflow", "MirroredStrategy")
def test_two_devices_count_each_image_once(two_replicas):
    """Five images in batches of two: the sixth, which fills up, counts nothing."""
    rng = np.random.default_rng(0)
    predictions = list(rng.integers(0, 3, (5, 6, 8)))
    labels = list(rng.choice([0, 1, 2, 255], (5, 6, 8)))
    batches = evaluation_pipeline(Painted(predictions, labels), 2)
    replicas = []  # of each trace of the model
    with two_replicas.scope():
        plain = reader()
        note = keras.layers.Lambda(lambda x: replicas.append(num_replicas()) or x)
        model = keras.Model(plain.input, note(plain.output))
    result = evaluate(model, batches, ("a", "b", "c"), boundary_tolerance=1)
    pairs = zip(labels, predictions, strict=True)
    expected = evaluate_label_maps(pairs, ("a", "b", "c"), boundary_tolerance=1)
    assert 0 < expected["boundary_f1"] < 1
    assert result == expected
    assert replicas[-1] == 2


def test_void_labels_and_boundaries_are_as_asked_for():
    label = np.array([[0, 0, 0, 1, 1, 2]] * 3)
    prediction = np.array([[0, 0, 1, 1, 1, 0]] * 3)
    batches = evaluation_pipeline(Painted([prediction], [label]))
    names = ("a", "b", "c")
    result = evaluate(reader(), batches, names, ignore_class=(2, 255), boundaries=False)
    assert result["class_iou"]["a"] == 2 / 3 and math.isnan(result["class_iou"]["c"])
    assert not {"boundary_f1", "class_boundary_f1"} & {*result}
    for tolerance, expected in ((0, 0), (1, 1)):
        options = {"ignore_class": (2, 255), "boundary_tolerance": tolerance}
        result = evaluate(reader(), batches, names, **options)
        assert result["boundary_f1"] == result["class_boundary_f1"]["b"] == expected


def test_labels_that_are_no_class_are_an_error():
    label = np.array([[0, 3]])
    batches = evaluation_pipeline(Painted([label], [label]))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"classes 0.*\[3\]"):
        evaluate(reader(), batches, ("a", "b", "c"))


def with_an_auxiliary_head(model):
    outputs = {"segmentation": model.output, "auxiliary": -model.output}
    return keras.Model(model.input, outputs)


def test_heads_for_training_do_not_count():
    heads = with_an_auxiliary_head(reader())
    label = np.random.default_rng(0).integers(0, 3, (6, 6))
    batches = evaluation_pipeline(Painted([label], [label]))
    assert evaluate(heads, batches, ("a", "b", "c"))["mean_iou"] == 1


def test_names_must_fit_the_model():
    with pytest.raises(ValueError, match="2 names for 3 classes"):
        evaluate(reader(), None, ("a", "b"))


def test_images_alone_are_no_batches():
    unbatched = tf.data.Dataset.from_tensors((np.zeros((4, 5, 3)), np.zeros((4, 5))))
    with pytest.raises(ValueError, match=r"\(4, 5\). Pass batches: `batches.batch.1"):
        evaluate(reader(), unbatched, ("a", "b", "c"))


def test_targets_by_output_are_those_of_the_prediction():
    heads = with_an_auxiliary_head(reader())
    label = np.random.default_rng(0).integers(0, 3, (6, 6))
    batches = evaluation_pipeline(Painted([label], [label]))
    targets = batches.map(named_targets(heads))
    assert isinstance(targets.element_spec[1], dict)
    assert evaluate(heads, targets, ("a", "b", "c"))["mean_iou"] == 1
    others = targets.map(lambda x, y: (x, {"auxiliary": y["auxiliary"]}))
    with pytest.raises(ValueError, match=r"'segmentation'. Received: .*'auxiliary'"):
        evaluate(heads, others, ("a", "b", "c"))


def test_images_must_have_the_channels_of_the_model():
    images = np.zeros((1, 4, 5, 1), "float32"), np.zeros((1, 4, 5), "uint8")
    batches = tf.data.Dataset.from_tensors(images)
    with pytest.raises(ValueError, match=r"of the model, 3.*--channels"):
        evaluate(reader(), batches, ("a", "b", "c"))
