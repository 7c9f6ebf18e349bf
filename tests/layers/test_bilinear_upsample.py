import keras
import numpy as np
import pytest

from keras_seg.layers import BilinearUpsample
from tests.checks import check_layer


def test_contract(tmp_path):
    check_layer(BilinearUpsample(3), (2, 4, 6, 5), (2, 12, 18, 5), (0, 0), tmp_path)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_equals_keras(scale):
    x = np.random.default_rng(0).normal(size=(2, 5, 7, 3)).astype("float32")
    expected = keras.layers.UpSampling2D(scale, interpolation="bilinear")(x)
    np.testing.assert_allclose(BilinearUpsample(scale)(x), expected, atol=1e-5)


@pytest.mark.parametrize("scale", [0, 2.0])
def test_rejects_bad_scales(scale):
    with pytest.raises(ValueError, match="scale"):
        BilinearUpsample(scale)
