"""Under which keys the authors' releases store each part of a layer.

Each function returns `{original key: Keras layer}`, with the keys of the module that
was released and without a trailing ".weight" or ".bias".
"""

import re

from keras_seg.layers import (
    AggregationModule,
    ContextPriorLayer,
    HeightDrivenAttention,
    MixedPooling,
    StripPooling,
    SubPixelUpsample,
)


def strip_pooling(layer):
    """`SPBlock` of the released `models/resnet.py`."""
    return {
        "conv1": layer.row_conv,
        "bn1": layer.row_norm,
        "conv2": layer.column_conv,
        "bn2": layer.column_norm,
        "conv3": layer.gate_conv,
    }


def mixed_pooling(layer):
    """`StripPooling` of the released `models/customize.py`."""
    if len(layer.grids) != 2:
        raise ValueError(
            "The released module has two pooling grids. "
            f"Received a layer with pool_sizes={layer.pool_sizes}"
        )
    blocks = {
        "conv1_1": layer.grid_reduction,
        "conv1_2": layer.strip_reduction,
        "conv2_0": layer.full_conv,
        "conv2_1": layer.grid_convs[0],
        "conv2_2": layer.grid_convs[1],
        "conv2_3": layer.column_conv,
        "conv2_4": layer.row_conv,
        "conv2_5": layer.grid_merge,
        "conv2_6": layer.strip_merge,
        "conv3": layer.projection,
    }
    return {
        f"{key}.{index}": part
        for key, block in blocks.items()
        for index, part in enumerate((block.conv, block.norm))
    }


def height_attention(layer):
    """`HANet_Conv` of the released `network/HANet.py`."""
    keys = {
        "attention_first.0": layer.first_conv,
        "attention_first.1": layer.first_norm,
        "attention_second.0": layer.second_conv,
        "attention_second.1": layer.second_norm,
        "attention_third.0": layer.third_conv,
    }
    if layer.position_encoding == "learned":
        keys[_position_table(layer)] = layer.table
    return keys


def fixed_tables(layer):
    """What PyTorch stores of a layer and is fixed in Keras: `{original key: array}`."""
    if not isinstance(layer, HeightDrivenAttention):
        return {}
    if layer.position_encoding in (None, "learned"):
        return {}
    return {f"{_position_table(layer)}.weight": layer.table}


def _position_table(layer):
    ordinal = {1: "1st", 2: "2nd"}[layer.position_injection]
    return f"pos_emb1d_{ordinal}.pos_layer"


def aggregation_module(layer):
    """`AggregationModule` of the released `cp_head.py`."""
    return {
        "reduce_conv.conv": layer.reduction.conv,
        "reduce_conv.bn": layer.reduction.norm,
        "t1.conv": layer.column_first[0],
        "t2.conv": layer.column_first[1],
        "p1.conv": layer.row_first[0],
        "p2.conv": layer.row_first[1],
        "norm": layer.norm,
    }


def context_prior(layer):
    """`CPHead` of the released `cp_head.py`, without its bottleneck and classifier."""
    inner = aggregation_module(layer.aggregation).items()
    keys = {f"aggregation.{key}": part for key, part in inner}
    for name in ("prior", "intra", "inter"):
        block = getattr(layer, name)
        keys |= {f"{name}_conv.conv": block.conv, f"{name}_conv.bn": block.norm}
    return keys


def is_resnet_c(target):
    """Whether a target is a pyramid of "resnet50_c" or "resnet101_c"."""
    names = [layer.name for layer in getattr(target, "layers", [])]
    return "conv1_3_conv" in names and "v2_stack_0_block1_1_conv" in names


def resnet_c(pyramid, state_dict):
    """`ResNet` of SPNet's `models/resnet.py`, `ResNet3X3` of HANet's `Resnet.py`."""
    stem = {
        "conv1.0": "conv1_1_conv",
        "conv1.1": "conv1_1_bn",
        "conv1.3": "conv1_2_conv",
        "conv1.4": "conv1_2_bn",
        "conv1.6": "conv1_3_conv",
        "bn1": "conv1_3_bn",
    }
    if any(key.removeprefix("module.") == "conv3.weight" for key in state_dict):
        stem = {
            f"{part}{index}": f"conv1_{index}_{layer}"
            for index in (1, 2, 3)
            for part, layer in (("conv", "conv"), ("bn", "bn"))
        }
    layers = {key: pyramid.get_layer(name) for key, name in stem.items()}
    for layer in pyramid.layers:
        place = re.fullmatch(r"v2_stack_(\d)_block(\d+)_(\d)_(\w+)", layer.name)
        if place is None:
            continue
        stage, block, index, part = place.groups()
        module = f"layer{int(stage) + 1}.{int(block) - 1}"
        if part in ("conv", "bn") and index == "0":
            layers[f"{module}.downsample.{('conv', 'bn').index(part)}"] = layer
        elif part in ("conv", "bn"):
            layers[f"{module}.{part}{index}"] = layer
        elif isinstance(layer, StripPooling):
            inner = strip_pooling(layer).items()
            layers |= {f"{module}.spm.{key}": value for key, value in inner}
    return layers


def sub_pixel_upsample(layer):
    """The convolution before a `torch.nn.PixelShuffle`."""
    return {"conv": layer.conv}


BY_CLASS = {
    AggregationModule: aggregation_module,
    ContextPriorLayer: context_prior,
    HeightDrivenAttention: height_attention,
    MixedPooling: mixed_pooling,
    StripPooling: strip_pooling,
    SubPixelUpsample: sub_pixel_upsample,
}
# What a release stores beside what the layer has, by the beginnings of the keys.
OPTIONAL = {ContextPriorLayer: ("bottleneck.", "conv_seg.")}
