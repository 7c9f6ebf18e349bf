import math

import numpy as np
import pytest

from keras_seg.visualization import class_entropy


@pytest.mark.parametrize("classes", [1, 2, 11])
def test_of_equal_shares_is_the_logarithm_of_their_number(classes):
    entropy = class_entropy(np.full((3, 2, classes), 7))
    assert entropy.shape == (3, 2) and entropy.dtype == np.float64
    np.testing.assert_allclose(entropy, math.log(classes))


def test_matches_the_formula():
    counts = np.random.default_rng(0).integers(1, 1000, (4, 6))
    expected = [
        -sum(n / sum(row) * math.log(n / sum(row)) for n in row)
        for row in counts.tolist()
    ]
    np.testing.assert_allclose(class_entropy(counts), expected)
    shares = counts / counts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(class_entropy(shares), expected)


@pytest.mark.filterwarnings("error")
def test_absent_classes_add_nothing_and_no_pixels_are_nan():
    entropy = class_entropy([[5, 0, 5], [0, 8, 0], [0, 0, 0]])
    np.testing.assert_allclose(entropy, [math.log(2), 0, np.nan])
    assert str(class_entropy([0, 3])) == "0.0"  # not -0.0


@pytest.mark.parametrize("counts", [3, [], np.zeros((2, 0))])
def test_rejects_bad_shapes(counts):
    with pytest.raises(ValueError, match="`counts` must be an array.*Received the sha"):
        class_entropy(counts)


@pytest.mark.parametrize("value", [-1, np.inf, np.nan])
def test_rejects_bad_values(value):
    with pytest.raises(ValueError, match="`counts` must hold finite.*Received values"):
        class_entropy([[3, 4], [1, value]])
