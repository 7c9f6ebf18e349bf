"""Released networks against the outputs of the authors' code.

The golden vectors are whole outputs; `RECORDED` holds some logits of more networks,
from the authors' code in PyTorch 2.13 with the weights of `tests.golden_networks`. Of
CPNet the head is the authors' and the backbone mmsegmentation's, written out.
"""

import numpy as np
import pytest
from keras import ops

from keras_seg.checkpoints import (
    load_torch_weights,
    released_model,
    to_torch_state_dict,
)
from keras_seg.models import attention_model
from tests import golden_networks
from tests.paths import shared


def assert_recorded(result, recorded, largest=None):
    """Equal to 1e-4 of the largest magnitude."""
    tolerance = 1e-4 * (largest or np.abs(recorded).max())
    result = ops.convert_to_numpy(result)
    np.testing.assert_allclose(result, recorded, rtol=0, atol=tolerance)


def assert_same_weights(model, state_dict):
    """Loaded weights come back bit for bit, under the same keys."""
    arrays = to_torch_state_dict(model)
    assert arrays.keys() == state_dict.keys()
    for key, array in state_dict.items():
        assert arrays[key].dtype == array.dtype
        np.testing.assert_array_equal(arrays[key], array, err_msg=key)


def test_spnet():
    golden = dict(np.load(shared("golden/networks/spnet_resnet50.npz")))
    state_dict = golden_networks.state_dict(golden)
    model = released_model("spnet_resnet50", 19, normalization=None)
    load_torch_weights(model, state_dict)
    size = int(golden["height"]), int(golden["width"])
    image = golden_networks.image(golden["seed"], *size)
    outputs = model(image)
    for output, name in (("segmentation", "logits"), ("auxiliary", "auxiliary")):
        assert_recorded(outputs[output], golden[name].transpose(0, 2, 3, 1))
    features = model.get_layer("backbone")(image)
    for level in ("level4", "level5"):
        means = ops.mean(features[level], axis=(1, 2))
        assert_recorded(means, golden[f"{level}_mean"])
    assert_same_weights(model, state_dict)


@pytest.mark.parametrize(
    "name",
    ["hanet_resnet50_os8", pytest.param("hanet_resnet101_os8", marks=pytest.mark.slow)],
)
def test_hanet(name):
    golden = dict(np.load(shared(f"golden/networks/{name}.npz")))
    state_dict = golden_networks.state_dict(golden)
    ratio = int(golden["reduction_ratio"])
    model = released_model(name, 19, None, reduction_ratio=ratio, positions=True)
    load_torch_weights(model, state_dict)
    size = int(golden["height"]), int(golden["width"])
    image = golden_networks.image(golden["seed"], *size)
    inputs = [image, golden["positions"]]
    assert_recorded(
        model(inputs)["segmentation"], golden["logits"].transpose(0, 2, 3, 1)
    )
    maps = attention_model(model)(inputs)
    for point in (1, 2, 3, 4):
        expected = golden[f"attention{point}"].transpose(0, 2, 1)[:, :, None]
        assert_recorded(maps[f"attention{point}"], expected)
    assert_same_weights(model, state_dict)


def test_cpnet_head():
    golden = dict(np.load(shared("golden/networks/cpnet_head.npz")))
    state_dict = golden_networks.state_dict(golden)
    size = tuple(golden["prior_size"])
    model = released_model("cpnet_head", 19, prior_size=size)
    load_torch_weights(model, state_dict)
    outputs = model(golden_networks.features(golden["seed"], 2048, *size))
    assert_recorded(outputs["segmentation"], golden["logits"].transpose(0, 2, 3, 1))
    prior = ops.sigmoid(outputs["context_prior"])
    assert_recorded(prior, golden["prior"])
    assert_same_weights(model, state_dict)


slow = pytest.mark.slow
# Name, options, seed, size of the image, largest magnitude of the logits; and these for
# the first and the last of 5 classes, in the first, a middle and the last row (the
# half) and column (the third). HANets are given positions that end in padding.
RECORDED = [
    (
        "hanet_mobilenet_v2_os16",
        {"reduction_ratio": 16, "positions": True},
        35,
        (131, 99),
        2.0354,
        [
            [
                [0.176182, -0.4816, -0.479799],
                [-0.439854, -1.004756, -0.429221],
                [-0.531322, -0.74539, -0.3489],
            ],
            [
                [0.455258, 0.065853, -0.310045],
                [0.500258, 0.262685, 0.584867],
                [0.147489, 0.368698, 0.754433],
            ],
        ],
    ),
    pytest.param(
        "cpnet_resnet50",
        {"prior_size": (12, 16), "filters": 64, "kernel_size": 7},
        44,
        (93, 121),
        2.2441,
        [
            [
                [0.128645, 0.085805, 0.172903],
                [0.320732, 0.01819, -0.306866],
                [0.545421, -0.549523, -0.618718],
            ],
            [
                [0.858997, 0.738383, 0.393209],
                [1.288177, 1.597018, 0.700054],
                [1.235299, 1.805413, 1.116804],
            ],
        ],
        marks=slow,
    ),
    pytest.param(
        "hanet_resnet50_os16",
        {"positions": True},
        32,
        (101, 130),
        0.65414,
        [
            [
                [0.08016, -0.047995, -0.038257],
                [0.170558, 0.241127, 0.101939],
                [0.010328, 0.071478, 0.072837],
            ],
            [
                [-0.301994, -0.074962, 0.008995],
                [-0.45806, -0.21691, -0.241002],
                [-0.125349, -0.073232, -0.148201],
            ],
        ],
        marks=slow,
    ),
    pytest.param(
        "hanet_resnet101_os16",
        {"positions": True},
        33,
        (131, 99),
        0.76064,
        [
            [
                [0.222461, 0.180871, 0.03886],
                [0.295286, 0.426188, 0.297092],
                [0.187863, 0.420072, 0.41927],
            ],
            [
                [0.47643, 0.510589, 0.446204],
                [0.620328, 0.670358, 0.460514],
                [0.51203, 0.661449, 0.52293],
            ],
        ],
        marks=slow,
    ),
    pytest.param(
        "spnet_resnet101",
        {},
        22,
        (83, 130),
        4.9294,
        [
            [
                [0.913442, 1.298926, 1.349651],
                [1.745968, 1.091419, -0.587877],
                [0.755396, -0.441983, -1.168209],
            ],
            [
                [-2.366842, -0.751253, 2.303965],
                [-1.667168, -1.880934, 1.485597],
                [0.920448, -0.102894, 0.049521],
            ],
        ],
        marks=slow,
    ),
]


@pytest.mark.parametrize(
    ("name", "options", "seed", "size", "largest", "recorded"), RECORDED
)
def test_more_networks(name, options, seed, size, largest, recorded):
    model = released_model(name, 5, normalization=None, **options)
    # Keys tell the weights, so that a wrong one gives other logits.
    shapes = {key: array.shape for key, array in to_torch_state_dict(model).items()}
    load_torch_weights(model, golden_networks.weights(seed, shapes))
    height, width = size
    inputs = golden_networks.image(seed, height, width)
    if "positions" in options:
        positions = np.minimum(20 + np.arange(height) * 120 // height, 128)
        inputs = [inputs, positions[None]]
    logits = ops.convert_to_numpy(model(inputs)["segmentation"])
    assert logits.shape == (1, height, width, 5)
    rows, columns = [0, height // 2, height - 1], [0, width // 3, width - 1]
    found = logits[0][rows][:, columns][:, :, [0, -1]].transpose(2, 0, 1)
    assert_recorded(found, np.array(recorded), largest)
    np.testing.assert_allclose(np.abs(logits).max(), largest, rtol=1e-3)
