import numpy as np
import pytest

from keras_seg.losses import SegmentationCrossentropy, from_name
from tests.losses.references import crossentropy, dice, focal, kept


@pytest.mark.parametrize("name", ["crossentropy", "ohem", "focal", "crossentropy+dice"])
def test_each_is_its_definition_at_the_usual_settings(name):
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 2, 255], (2, 8, 9))
    logits = rng.normal(size=(2, 8, 9, 3)).astype("float32")
    expected = {
        "crossentropy": crossentropy(labels, logits),
        "ohem": crossentropy(kept(labels, logits, 0.7, 1 / 16), logits),
        "focal": focal(labels, logits, 2),
        "crossentropy+dice": crossentropy(labels, logits) + dice(labels, logits),
    }[name]
    found = float(from_name(name)(labels, logits))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_each_loss_gets_the_options_that_it_has():
    options = {"ignore_class": 7, "class_weights": [1, 2], "label_smoothing": 0.1}
    cross, dice = from_name("crossentropy+dice", **options).losses
    assert (cross.ignore_class, cross.label_smoothing) == (7, 0.1)
    assert list(cross.class_weights) == [1, 2] and dice.ignore_class == 7
    assert type(from_name("crossentropy")) is SegmentationCrossentropy


def test_every_loss_has_the_options_of_keras_losses():
    loss = from_name("crossentropy+lovasz", dtype="float64", reduction="mean")
    options = [part.get_config() for part in loss.losses]
    assert [config["dtype"] for config in options] == ["float64", "float64"]
    assert [config["reduction"] for config in options] == ["mean", "mean"]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("hinge", {}, "must be one or more of crossentropy, .*'hinge'"),
        ("dice+", {}, "must be one or more"),
        ("dice", {"kwargs": 1}, "'dice' has no option 'kwargs'"),
        ("focal", {"label_smoothing": 0.1}, "'focal' has no option 'label_smoothing'"),
    ],
)
def test_rejects_bad_names_and_options(name, options, message):
    with pytest.raises(ValueError, match=message):
        from_name(name, **options)


def test_an_option_of_none_is_the_default():
    assert from_name("focal", label_smoothing=None).gamma == 2
