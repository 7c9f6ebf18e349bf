"""Keys of the parts of the papers' layers in the authors' releases.

Each function returns `{original key: Keras layer}`, with the keys of the released
module without a trailing ".weight" or ".bias".
"""

from keras_seg.layers import (
    AggregationModule,
    ContextPriorLayer,
    HeightDrivenAttention,
    MixedPooling,
    StripPooling,
    SubPixelUpsample,
)


def strip_pooling(layer):
    """Returns the keys of `SPBlock` in the released `models/resnet.py`."""
    return {
        "conv1": layer.row_conv,
        "bn1": layer.row_norm,
        "conv2": layer.column_conv,
        "bn2": layer.column_norm,
        "conv3": layer.gate_conv,
    }


def mixed_pooling(layer):
    """Returns the keys of `StripPooling` in the released `models/customize.py`."""
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
    """Returns the keys of `HANet_Conv` in the released `network/HANet.py`."""
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
    """Returns `{original key: array}` of constants that PyTorch stores as weights."""
    if not isinstance(layer, HeightDrivenAttention):
        return {}
    if layer.position_encoding in (None, "learned"):
        return {}
    return {f"{_position_table(layer)}.weight": layer.table}


def _position_table(layer):
    ordinal = {1: "1st", 2: "2nd"}[layer.position_injection]
    return f"pos_emb1d_{ordinal}.pos_layer"


def aggregation_module(layer):
    """Returns the keys of `AggregationModule` in the released `cp_head.py`."""
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
    """Returns the keys of `CPHead` in the released `cp_head.py`.

    The bottleneck and the classifier are left out.
    """
    inner = aggregation_module(layer.aggregation).items()
    keys = {f"aggregation.{key}": part for key, part in inner}
    for name in ("prior", "intra", "inter"):
        block = getattr(layer, name)
        keys |= {f"{name}_conv.conv": block.conv, f"{name}_conv.bn": block.norm}
    return keys


def sub_pixel_upsample(layer):
    """Returns the keys of the convolution before a `torch.nn.PixelShuffle`."""
    return {"conv": layer.conv}


BY_CLASS = {
    AggregationModule: aggregation_module,
    ContextPriorLayer: context_prior,
    HeightDrivenAttention: height_attention,
    MixedPooling: mixed_pooling,
    StripPooling: strip_pooling,
    SubPixelUpsample: sub_pixel_upsample,
}
# Prefixes of keys in a release that have no counterpart in the layer.
OPTIONAL = {ContextPriorLayer: ("bottleneck.", "conv_seg.")}
