import numpy as np
import pytest

from keras_seg.losses import SegmentationCrossentropy
from keras_seg.scripts import arguments, segmentation_loss
from tests.losses.references import crossentropy, dice, focal, kept


@pytest.mark.parametrize("name", ["crossentropy", "ohem", "focal", "crossentropy+dice"])
def test_each_is_its_definition_at_the_usual_settings(name):
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 2, 255], (2, 8, 9))
    logits = rng.normal(size=(2, 8, 9, 3)).astype("float32")
    loss = segmentation_loss(arguments("", "name").parse_args(["--loss", name]))
    expected = {
        "crossentropy": crossentropy(labels, logits),
        "ohem": crossentropy(kept(labels, logits, 0.7, 1 / 16), logits),
        "focal": focal(labels, logits, 2),
        "crossentropy+dice": crossentropy(labels, logits) + dice(labels, logits),
    }[name]
    np.testing.assert_allclose(float(loss(labels, logits)), expected, rtol=1e-5)


def test_the_cross_entropy_is_the_default():
    loss = segmentation_loss(arguments("", "name").parse_args([]))
    assert type(loss) is SegmentationCrossentropy
