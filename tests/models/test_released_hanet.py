"""The whole HANet against the outputs of the authors' network on ResNet-101."""

import re
import types

import numpy as np

from keras_seg.backbones.pyramid import make_pyramid
from keras_seg.backbones.rebuilding import copy
from keras_seg.backbones.resnet_c import resnet_c
from keras_seg.checkpoints import load_torch_weights, released_keys
from keras_seg.checkpoints.torch_layers import fill
from keras_seg.models import HANet, attention_model
from tests import golden_networks
from tests.paths import shared

# HANet's names of the deep stem, and SPNet's.
STEM = {
    "layer0.0.": "conv1.0.",
    "layer0.1.": "conv1.1.",
    "layer0.3.": "conv1.3.",
    "layer0.4.": "conv1.4.",
    "layer0.6.": "conv1.6.",
    "layer0.7.": "bn1.",
}
HEAD = {
    "aspp.features.0": ("aspp", "point_branch"),
    "aspp.features.1": ("aspp", "dilated_branches", 0),
    "aspp.features.2": ("aspp", "dilated_branches", 1),
    "aspp.features.3": ("aspp", "dilated_branches", 2),
    "aspp.img_conv": ("aspp", "image_branch"),
    "bot_aspp": ("aspp_projection",),
    "bot_fine": ("low_level_projection",),
}


def dilated(call, layers):
    """HANet's dilation: 2 in the third stage, 4 in the last, in first blocks too."""
    place = re.fullmatch(r"v2_stack_([23])_block\d+_2_(pad|conv)", call.name)
    if place is None:
        return layers
    rate = {"2": 2, "3": 4}[place[1]]
    if place[2] == "pad":
        return [copy(call, padding=rate)]
    return [copy(call, strides=1, dilation_rate=rate)]


def part(model, name, *path):
    found = model.get_layer(name)
    for step in path:
        found = found[step] if isinstance(step, int) else getattr(found, step)
    return found


def head_layers(model):
    layers = {}
    for key, path in HEAD.items():
        block = part(model, *path)
        layers |= {f"{key}.0": block.conv, f"{key}.1": block.norm}
    for index, name in ((0, "decoder_1"), (3, "decoder_2")):
        block = model.get_layer(name)
        layers |= {f"final1.{index}": block.conv, f"final1.{index + 1}": block.norm}
    layers["final2.0"] = model.get_layer("segmentation_classifier")
    for point in (1, 2, 3, 4):
        layer = model.get_layer(f"height_attention_{point}")
        keys = released_keys.height_attention(layer)
        layers |= {f"hanet{point - 1}.{key}": part for key, part in keys.items()}
    return layers


def test_recorded_logits_and_attention():
    golden = dict(np.load(shared("golden/networks/hanet_resnet101_os8.npz")))
    pyramid = make_pyramid(resnet_c("resnet101_c"), 8, adapt=dilated)
    state_dict = golden_networks.state_dict(golden)
    backbone = {
        STEM.get(key[:9], key[:9]) + key[9:]: value
        for key, value in state_dict.items()
        if key.startswith("layer")
    }
    load_torch_weights(pyramid, backbone)
    ratio = int(golden["reduction_ratio"])
    model = HANet(19, pyramid, reduction_ratio=ratio, positions=True)
    head = {
        key: value
        for key, value in state_dict.items()
        # The tables are fixed, and the head for training was not recorded.
        if not key.startswith(("layer", "dsn")) and "pos_layer" not in key
    }
    set_already = {id(weight) for weight in pyramid.weights}
    rest = [weight for weight in model.weights if id(weight) not in set_already]
    target = types.SimpleNamespace(weights=rest, name="head")
    fill(target, head_layers(model), head)

    inputs = [golden_networks.image(golden), golden["positions"]]
    maps = attention_model(model)(inputs)
    for point in (1, 2, 3, 4):
        expected = golden[f"attention{point}"].transpose(0, 2, 1)[:, :, None]
        result = maps[f"attention{point}"]
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-4)
    expected = golden["logits"].transpose(0, 2, 3, 1)
    tolerance = 1e-4 * np.abs(expected).max()
    np.testing.assert_allclose(model(inputs), expected, rtol=0, atol=tolerance)
