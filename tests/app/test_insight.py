import keras
import numpy as np

from keras_seg.app.insight import Insight, ideal_row, row_of, whole
from keras_seg.backbones import feature_pyramid
from keras_seg.data import read_image
from keras_seg.models import (
    DSRL,
    CPNet,
    HANet,
    SPNet,
    dual_super_resolution,
    prior_model,
    strip_pooling_places,
)
from tests.models.networks import SIZE, tiny_cpnet, tiny_hanet, tiny_network
from tests.models.networks import tiny_dsrl as whole_dsrl
from tests.models.test_affinity_model import tiny_dsrl

IMAGE = np.random.default_rng(0).integers(0, 256, (64, 96, 3), "uint8")


def titles(figure):
    return [axes.get_title() for axes in figure.axes]


def test_prior_of_a_pixel():
    model = tiny_cpnet()
    insight = Insight(model)
    assert insight.kinds == {"prior"}
    prior, size = insight.prior(IMAGE)
    assert size == SIZE
    expected = prior_model(model)(IMAGE[None].astype("float32"))
    expected = keras.ops.convert_to_numpy(expected)[0]
    np.testing.assert_allclose(prior, expected, atol=1e-6)
    row = row_of(prior, size, (63, 95), IMAGE.shape[:2])
    np.testing.assert_array_equal(row.ravel(), prior[-1])
    row = row_of(prior, size, (0, 16), IMAGE.shape[:2])
    np.testing.assert_array_equal(row.ravel(), prior[16 * size[1] // 96])


def test_ideal_row():
    labels = np.repeat([[0, 1], [255, 1]], 2, axis=0).repeat(2, axis=1)
    np.testing.assert_array_equal(ideal_row(labels, (2, 2), (0, 3)), [[0, 1], [0, 1]])
    np.testing.assert_array_equal(ideal_row(labels, (2, 2), (3, 0)), np.zeros((2, 2)))


def test_what_other_networks_see():
    assert Insight(None).kinds == set()
    insight = Insight(SPNet(3, tiny_network(), pool_sizes=(2, 1)))
    assert insight.kinds == {"gates"}
    assert "image" in titles(insight.gates(IMAGE))
    hanet = HANet(3, tiny_network(), positions=True, filters=8, low_level_filters=4)
    insight = Insight(hanet)
    assert insight.kinds == {"attention"}
    assert titles(insight.attention(IMAGE))[0] == "image"
    insight = Insight(tiny_dsrl(scale=2))
    assert insight.kinds == {"resolution"}
    found = titles(insight.resolution(IMAGE))
    assert any(title.startswith("reconstruction\n64 x 96") for title in found)
    assert any(title.startswith("original") for title in found)


def test_networks_with_positions():
    insight = Insight(dual_super_resolution(tiny_hanet(positions=True)))
    assert insight.kinds == {"attention", "resolution"}
    assert "original" in "".join(titles(insight.resolution(IMAGE)))
    pyramid = feature_pyramid(tiny_network(), 8, insert=strip_pooling_places)
    hanet = HANet(3, pyramid, positions=True, filters=8, low_level_filters=4)
    insight = Insight(hanet)
    assert insight.kinds == {"attention", "gates"}
    assert "image" in titles(insight.gates(IMAGE))


def test_a_chart_of_one_class_needs_such_a_model():
    assert Insight(whole_dsrl()).kinds == {"resolution"}
    assert Insight(whole_dsrl(independent_classes=True)).kinds == set()


def test_gray_networks():
    """See photographs in gray, as in the class map."""

    def backbone():
        x = image = keras.Input((None, None, 1))
        for filters in (8, 8, 16, 16, 32):
            x = keras.layers.Conv2D(filters, 3, strides=2, padding="same")(x)
        return keras.Model(image, x)

    options = {"filters": 8, "low_level_filters": 4}
    insight = Insight(HANet(3, backbone(), **options))
    assert "image" in titles(insight.attention(IMAGE))
    insight = Insight(SPNet(3, backbone(), pool_sizes=(2, 1)))
    assert "image" in titles(insight.gates(IMAGE))
    insight = Insight(DSRL(3, backbone(), **options))
    assert "original" in "".join(titles(insight.resolution(IMAGE)))
    model = CPNet(3, backbone(), prior_size=SIZE, filters=8, kernel_size=3)
    prior, _ = Insight(model).prior(IMAGE)
    gray = read_image(IMAGE, channels=1)[None].astype("float32")
    expected = keras.ops.convert_to_numpy(prior_model(model)(gray))[0]
    np.testing.assert_allclose(prior, expected, atol=1e-6)


def test_images_that_are_looked_at_whole():
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.ReLU()])
    assert whole(IMAGE, model) is IMAGE
    large = np.zeros((1500, 3000, 3), "uint8")
    rows, columns, _ = whole(large, model, 32).shape
    assert rows % 32 == columns % 32 == 0 and rows * columns <= 1.1 * 2**20
    fixed = keras.Sequential([keras.Input((40, 60, 3)), keras.layers.ReLU()])
    assert whole(IMAGE, fixed).shape == (40, 60, 3)
    assert whole(IMAGE, fixed, 2, 2).shape == (80, 120, 3)
