"""Under which keys the authors' releases store each part of a layer.

Each function returns `{original key: Keras layer}`, with the keys of the module that
was released and without a trailing ".weight" or ".bias".
"""

from keras_seg.layers import MixedPooling, StripPooling


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


BY_CLASS = {StripPooling: strip_pooling, MixedPooling: mixed_pooling}
