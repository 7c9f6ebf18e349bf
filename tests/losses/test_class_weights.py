import numpy as np
import pytest

from keras_seg.losses import (
    OHEMCrossentropy,
    SegmentationCrossentropy,
    SegmentationFocalCrossentropy,
)
from tests.losses.references import crossentropy, focal

LOSSES = [SegmentationCrossentropy, SegmentationFocalCrossentropy, OHEMCrossentropy]


@pytest.mark.parametrize(
    "weights",
    [{0: 0.1, 1: 0.9}, {1: 0.9, 0: 0.1}, {np.int64(1): 0.9, np.int64(0): 0.1}],
)
def test_a_dict_is_taken_by_its_keys(weights):
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 255], (2, 4, 5))
    logits = rng.normal(size=(2, 4, 5, 2)).astype("float32")
    found = SegmentationCrossentropy(class_weights=weights)(labels, logits)
    expected = crossentropy(labels, logits, class_weights=[0.1, 0.9])
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    found = SegmentationFocalCrossentropy(2.0, class_weights=weights)(labels, logits)
    expected = focal(labels, logits, 2.0, [0.1, 0.9])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("weights", [[0.1, 0.9], (0.1, 0.9), np.array([0.1, 0.9])])
def test_sequences_are_one_weight_for_each_class(loss, weights):
    assert loss(class_weights=weights).class_weights == [0.1, 0.9]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (0.5, "must be a sequence with one weight for each class, a"),
        ("balanced", r"balanced_class_weights\(dataset\)"),
        ({0.1, 0.9}, "must be a sequence"),
        (np.ones((2, 2)), "must be a sequence"),
        ({0: 1.0, 2: 1.0}, r"keys .* Received the keys \[0, 2\]"),
        ({1: 1.0, 2: 1.0}, "keys"),
        ({0: 1.0, "1": 1.0}, "keys"),
        ({0: 1.0, 255: 0.0}, "keys"),
        ({}, "keys"),
        ([1.0, -1.0], "finite numbers of at least 0"),
        ([1.0, float("nan")], "finite numbers of at least 0"),
        ({0: 1.0, 1: float("inf")}, "finite numbers of at least 0"),
        ([1.0, None], "finite numbers of at least 0"),
        ([0, 0], "not all 0"),
        ([], "not all 0"),
    ],
)
def test_rejects_bad_class_weights(loss, weights, message):
    with pytest.raises(ValueError, match=f"`class_weights`.*{message}|{message}"):
        loss(class_weights=weights)


@pytest.mark.parametrize("loss", LOSSES)
def test_rejects_other_numbers_of_weights(loss):
    labels, logits = np.zeros((1, 2, 2), "int32"), np.zeros((1, 2, 2, 3), "float32")
    with pytest.raises(ValueError, match="each of the 3 classes.*Received: 2 weights"):
        loss(class_weights={0: 1, 1: 2})(labels, logits)
