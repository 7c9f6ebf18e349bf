"""The choice of the tensors that become levels."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_seg.backbones.graph import flatten
from keras_seg.backbones.levels import level_tensors


def level_names(network):
    graph = flatten(network)
    owner = {id(t): call.name for call in graph.calls for t in call.outputs}
    return {level: owner[id(t)] for level, t in level_tensors(graph).items()}


def random_network(seed):
    """Two inputs to most layers, drawn from those before of the same size."""
    rng = np.random.default_rng(seed)
    inputs = keras.Input((None, None, 2))
    x = layers.Conv2D(2, 3, 2, padding="same", name="stem")(inputs)
    by_stride = {2: [x]}
    for index in range(14):
        stride = max(by_stride)
        if index in (5, 10):
            before = by_stride[stride]
            # The last is not always passed: another may lead on by itself.
            ends = [
                before[-1],
                before[rng.integers(max(0, len(before) - 3), len(before))],
            ]
            down = [
                layers.Conv2D(2, 3, 2, padding="same", name=f"down{index}_{side}")(end)
                for side, end in enumerate(ends)
            ]
            by_stride[stride * 2] = [layers.Add(name=f"joined{index}")(down)]
            continue
        before = by_stride[stride]
        chosen = [before[i] for i in rng.integers(len(before), size=2)]
        if rng.random() < 0.4 or chosen[0] is chosen[1]:
            before.append(layers.Conv2D(2, 1, name=f"one{index}")(before[-1]))
        else:
            before.append(layers.Add(name=f"add{index}")([before[-1], chosen[0]]))
    return keras.Model(inputs, by_stride[8][-1])


def paths(graph, end):
    """All paths from the image to a tensor, as lists of call names."""
    producer = {id(t): call for call in graph.calls for t in call.outputs}

    def to(tensor):
        if tensor is graph.image:
            return [[]]
        call = producer[id(tensor)]
        return [path + [call.name] for before in call.inputs for path in to(before)]

    return to(end)


@pytest.mark.parametrize("seed", range(12))
def test_every_path_passes_a_level_and_none_behind_it_has_that(seed):
    """Against a list of all paths."""
    network = random_network(seed)
    graph = flatten(network)
    strides = graph.strides()
    stride_of = {c.name: strides[id(c.outputs[0])] for c in graph.calls}
    levels, end = level_names(network), graph.outputs[0]
    tensors = level_tensors(graph)
    for level in ("level3", "level2", "level1"):
        passed = set.intersection(*map(set, paths(graph, end)))
        candidates = [
            call.name
            for call in graph.calls
            if call.name in passed and stride_of[call.name] == 2 ** int(level[-1])
        ]
        assert levels[level] == candidates[-1]
        end = tensors[level]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "MobileNetV2",  # block outputs, not the expansions of the next blocks
            "expanded_conv_project_BN block_2_add block_5_add block_12_add out_relu",
        ),
        (
            "MobileNet",  # whose 1x1 convolutions close a block
            "conv_pw_1_relu conv_pw_3_relu conv_pw_5_relu conv_pw_11_relu "
            "conv_pw_13_relu",
        ),
        (
            "ResNet50",
            "conv1_relu conv2_block3_out conv3_block4_out conv4_block6_out "
            "conv5_block3_out",
        ),
        (
            "VGG16",
            "block2_conv2 block3_conv3 block4_conv3 block5_conv3 block5_pool",
        ),
    ],
)
def test_levels_of_known_networks(name, expected):
    network = getattr(keras.applications, name)(
        weights=None, include_top=False, input_shape=(None, None, 3)
    )
    assert list(level_names(network).values()) == expected.split()


def test_a_decoder_does_not_hide_the_encoder():
    inputs = keras.Input((None, None, 3))
    skips, x = [], inputs
    for level in (1, 2, 3):
        skips.append(x)
        x = layers.Conv2D(4, 3, 2, padding="same", name=f"down{level}")(x)
        x = layers.Conv2D(4, 3, padding="same", name=f"encoded{level}")(x)
    for level, skip in zip((3, 2, 1), reversed(skips), strict=True):
        x = layers.Conv2DTranspose(4, 2, 2, name=f"up{level}")(x)
        x = layers.Concatenate(name=f"decoded{level}")([x, skip])
    assert level_names(keras.Model(inputs, x)) == {
        f"level{level}": f"encoded{level}" for level in (1, 2, 3)
    }


def test_what_a_network_declares_comes_first():
    """keras-cv by layer name, keras-hub by tensor; their digits are not read."""

    def network():
        inputs = x = keras.Input((None, None, 3))
        for level in (1, 2):
            x = layers.Conv2D(4, 3, 2, padding="same", name=f"conv{level}")(x)
            x = layers.ReLU(name=f"relu{level}")(x)
        return keras.Model(inputs, x)

    assert level_names(network()) == {"level1": "relu1", "level2": "relu2"}
    like_keras_cv = network()
    like_keras_cv.pyramid_level_inputs = {"P9": "conv1"}
    assert level_names(like_keras_cv) == {"level1": "conv1", "level2": "relu2"}
    like_keras_hub = network()
    like_keras_hub.pyramid_outputs = {"P1": like_keras_hub.get_layer("conv2").output}
    assert level_names(like_keras_hub) == {"level1": "relu1", "level2": "conv2"}
    outer = keras.Model(x := keras.Input((None, None, 3)), like_keras_cv(x))
    assert level_names(outer) == {"level1": "conv1", "level2": "relu2"}
