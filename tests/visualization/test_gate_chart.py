import numpy as np
import pytest

from keras_seg.visualization import gate_chart
from tests.visualization.figures import (
    assert_nothing_is_cut_off,
    axes_titled,
    scale_of,
    values_in,
)

GATES = np.random.default_rng(0).uniform(0.4, 0.6, (3, 4, 5))
GATES[..., 2] = np.arange(12).reshape(3, 4) / 11  # differs most


def test_mean_and_the_channel_that_differs_most():
    figure = gate_chart({"gate1": GATES, "gate2": GATES[:2, :2]})
    mean = axes_titled(figure, "gate1\nmean of 5 channels")
    np.testing.assert_allclose(values_in(mean), GATES.mean(axis=2))
    np.testing.assert_allclose(
        scale_of(mean), (GATES.mean(axis=2).min(), GATES.mean(axis=2).max())
    )
    channel = axes_titled(figure, "gate1\nchannel 2")
    np.testing.assert_array_equal(values_in(channel), GATES[..., 2])
    assert scale_of(channel) == (0, 1)
    assert axes_titled(figure, "gate2\nmean")


def test_maps_cover_the_image():
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), "uint8")
    figure = gate_chart({"gate1": GATES}, image)
    shown = axes_titled(figure, "image")
    np.testing.assert_array_equal(values_in(shown), image)
    for start in ("gate1\nmean", "gate1\nchannel"):
        (cells,) = axes_titled(figure, start).images
        assert cells.get_extent() == shown.images[0].get_extent()


@pytest.mark.filterwarnings("error")
def test_nothing_is_cut_off():
    assert_nothing_is_cut_off(gate_chart({"a $ b": GATES}, np.zeros((9, 300, 3))))


@pytest.mark.parametrize(
    "gates, message",
    [
        ({}, "`gates` must hold at least one array"),
        (GATES, r"`gates` must be a dict \{name: array\}. Received: ndarray"),
        ({"a": GATES[0]}, r"for 'a' the shape \(4, 5\)"),
        ({"a": GATES + 1}, r"0\.\.1.*for 'a' values in"),
        ({"a": GATES * np.nan}, r"0\.\.1.*for 'a' values in nan"),
    ],
)
def test_rejects_bad_gates(gates, message):
    with pytest.raises(ValueError, match=message):
        gate_chart(gates)
