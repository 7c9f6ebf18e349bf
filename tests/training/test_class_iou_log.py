import csv

import keras
import numpy as np
import pytest

from keras_seg.losses import SegmentationCrossentropy
from keras_seg.metrics import MeanIoU, confusion_matrix
from keras_seg.metrics.measures import class_iou
from keras_seg.training import ClassIoULog, callbacks
from keras_seg.visualization import ValidationPictures

NAMES = ("road", "car", "sky")


def model_of(names=("segmentation",), metric=True):
    image = keras.Input((6, 8, 3), name="image")
    outputs = {name: keras.layers.Conv2D(3, 1, name=name)(image) for name in names}
    bare = len(names) == 1
    model = keras.Model(image, outputs[names[0]] if bare else outputs)
    metrics = [MeanIoU(3)] if metric else []
    model.compile(
        "sgd",
        SegmentationCrossentropy()
        if bare
        else {name: SegmentationCrossentropy() for name in names},
        metrics=metrics if bare else {names[0]: metrics},
    )
    return model


def samples():
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 255], (4, 6, 8))
    return rng.uniform(0, 255, (4, 6, 8, 3)).astype("float32") / 255, labels


@pytest.mark.parametrize("names", [("segmentation",), ("segmentation", "auxiliary")])
def test_each_class_has_a_column(names, tmp_path):
    model = model_of(names)
    x, labels = samples()
    y = labels if len(names) == 1 else {name: labels for name in names}
    monitor = "val_mean_iou" if len(names) == 1 else "val_segmentation_mean_iou"
    found = callbacks(tmp_path, monitor, class_names=NAMES)
    history = model.fit(
        x, y, validation_data=(x, y), verbose=0, callbacks=found
    ).history
    logits = model.predict(x, verbose=0)
    logits = logits["segmentation"] if isinstance(logits, dict) else logits
    classes = logits.argmax(axis=-1)
    expected = class_iou(confusion_matrix(labels, classes, 3)[:, :3])
    values = [history[f"val_iou_{name}"][0] for name in NAMES]
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    with open(tmp_path / "log.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    np.testing.assert_allclose([float(row[f"val_iou_{n}"]) for n in NAMES], expected)


def test_needs_the_metric():
    model, (x, y) = model_of(metric=False), samples()
    with pytest.raises(ValueError, match="needs a keras_seg.metrics.MeanIoU of 3"):
        model.evaluate(x, y, verbose=0, callbacks=[ClassIoULog(NAMES)])


def test_pictures_are_in_tensorboard(tmp_path):
    records = pytest.importorskip(
        "tensorboard.backend.event_processing.event_file_loader"
    )
    model, (x, labels) = model_of(), samples()
    palette = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0]], "uint8")
    images = (255 * x).astype("uint8")
    pictures = ValidationPictures(
        tmp_path, [*zip(images, labels, strict=True)][:2], palette, NAMES
    )
    model.fit(x, labels, epochs=2, verbose=0, callbacks=[pictures])
    (path,) = tmp_path.iterdir()
    events = [*records.EventFileLoader(str(path)).Load()]
    tags = [value.tag for event in events for value in event.summary.value]
    assert sorted(tags) == ["validation image 0"] * 2 + ["validation image 1"] * 2
    with pytest.raises(ValueError, match="`samples` must hold at least one"):
        ValidationPictures(tmp_path, [], palette, NAMES)
