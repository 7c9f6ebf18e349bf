"""ResNets of the releases of SPNet, HANet and CPNet."""

import functools
import re
from collections.abc import Mapping, Sequence

import keras
from keras import layers

from keras_seg.backbones.pyramid import make_pyramid, normalization_layers
from keras_seg.backbones.rebuilding import copy
from keras_seg.positive_integer import require_positive_integer
from keras_seg.sequence_argument import require_sequence

BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
_DEEP_STEM = (64, 64, 128)

NAMES = tuple(f"resnet{depth}_{kind}" for depth in BLOCKS for kind in "bc")


def resnet(
    depth: int,
    output_stride: int = 32,
    stem_filters: Sequence[int] | None = None,
    dilation_rates: Mapping[int, int | Sequence[int]] | None = None,
    normalization: str | keras.layers.Layer | None = "imagenet",
    input_channels: int = 3,
) -> keras.Model:
    """Builds the feature pyramid of a ResNet with the variations of the papers.

    The stride of a stage is on its first 3x3 convolution, and strided windows are
    padded by the same number of cells on each side, as in PyTorch, so features have the
    same position at every image size (`size_alignment` is 1).

    Args:
        depth: 50 or 101.
        output_stride: 8, 16 or 32; also 2 and 4.
        stem_filters: None for a stem of one 7x7 convolution with 64 filters
            ("resnet50_b" of the catalog), or the filters of three 3x3 convolutions that
            replace it: (64, 64, 128) in SPNet's release ("resnet50_c") and in HANet's
            ResNet-101, (32, 32, 64) in CPNet's release.
        dilation_rates: dict `{stage: rates}` of the dilation rates of the 3x3
            convolutions in stages 1 to 4: an int for all blocks of the stage, or a
            tuple with one int per block. `{4: (4, 8, 16)}` is SPNet's multi-grid,
            `{3: 2, 4: 4}` is HANet's dilation at output stride 8. Other stages, and all
            stages with None, are dilated like every other network of the catalog: if a
            stage loses its stride, its first block keeps the rate of the stage before.
            A first block that keeps its stride must have a rate of 1, because Keras has
            no strided convolutions with dilation.
        normalization: normalization of the images; see `feature_pyramid`.
        input_channels: int.

    Returns:
        A feature pyramid: a `keras.Model` named "backbone" from images
        `(batch, height, width, input_channels)` to the dict of "level1" to "level5";
        see `feature_pyramid`.

    Raises:
        ValueError: If an argument has none of the values listed above.

    Example:
        ```python
        pyramid = resnet(50, 8, stem_filters=(32, 32, 64))
        pyramid(keras.ops.ones((1, 97, 129, 3)))["level5"].shape  # (1, 13, 17, 2048)
        ```

    References:
        The ResNets in the releases of [Hou et al.,
        2020](https://arxiv.org/abs/2003.13328), [Choi et al.,
        2020](https://arxiv.org/abs/2003.05128) and [Yu et al.,
        2020](https://arxiv.org/abs/2004.01547).
    """
    if depth not in BLOCKS:
        raise ValueError(f"`depth` must be 50 or 101. Received: {depth=}")
    input_channels = require_positive_integer("input_channels", input_channels)
    if stem_filters is not None:
        stem_filters = require_sequence("stem_filters", stem_filters, "integers")
    if stem_filters is not None and len(stem_filters) != 3:
        raise ValueError(
            "`stem_filters` must be None or the filters of three convolutions. "
            f"Received: {stem_filters=}"
        )
    return make_pyramid(
        _network(f"resnet{depth}", depth, stem_filters, input_channels),
        output_stride,
        normalization_layers(normalization, input_channels),
        adapt=functools.partial(
            dilate, rates=_rates_by_block(dilation_rates or {}, depth)
        ),
    )


def network(name, input_channels=3):
    """Returns the plain network of a name in `NAMES`, such as "resnet50_b"."""
    depth, kind = re.fullmatch(r"resnet(\d+)_([bc])", name).groups()
    stem_filters = {"b": None, "c": _DEEP_STEM}[kind]
    return _network(name, int(depth), stem_filters, input_channels)


def adaptation(name, output_stride):
    """Returns the argument `adapt` of `make_pyramid` for a network of the catalog."""
    rates = {}
    if name.endswith("_c") and output_stride in (2, 4, 8, 16):
        # SPNet's multi-grid at 8, and rates that reach as many pixels at the others.
        rates = {4: tuple(rate * 8 // output_stride for rate in (4, 8, 16))}
    depth = int(re.search(r"\d+", name)[0])
    return functools.partial(dilate, rates=_rates_by_block(rates, depth))


def dilate(call, layers, rates):
    """Replaces a call by one with a given dilation.

    Args:
        call: `Call` of a network's graph.
        layers: list of the layers that would replace it otherwise.
        rates: dict `{(stage, block): rate}`, stages and blocks counted from 1.

    Returns:
        List of layers; `layers` if no rate is given for the call.
    """
    place = re.fullmatch(r"v2_stack_(\d)_block(\d+)_2_(pad|conv)", call.name)
    key = place and (int(place[1]) + 1, int(place[2]))
    if key not in rates:
        return layers
    if place[3] == "pad":
        return [copy(call, padding=rates[key])]
    strides = layers[-1].strides
    if max(strides) > 1 and rates[key] > 1:
        raise ValueError(
            "`dilation_rates` must be 1 for the first block of a stage that keeps its "
            f"stride at this output stride. Received: {rates[key]} for stage {key[0]}"
        )
    return [copy(call, strides=strides, dilation_rate=rates[key])]


def _rates_by_block(dilation_rates, depth):
    rates = {}
    if not isinstance(dilation_rates, Mapping):
        raise ValueError(
            "`dilation_rates` must be a dict {stage: rates} or None. Received: "
            f"{dilation_rates=}"
        )
    for stage, given in dilation_rates.items():
        blocks = dict(enumerate(BLOCKS[depth], 1)).get(stage, 0)
        by_block = (
            (given,) * blocks
            if isinstance(given, int)
            else require_sequence("dilation_rates", given, "integers")
        )
        by_block = [require_positive_integer("dilation_rates", x) for x in by_block]
        if not by_block or len(by_block) != blocks:
            raise ValueError(
                "`dilation_rates` must map stages from 1 to 4 to an int or to a tuple "
                f"with one int per block; the stages have {BLOCKS[depth]} blocks. "
                f"Received: {dilation_rates=}"
            )
        rates |= {(stage, block): rate for block, rate in enumerate(by_block, 1)}
    return rates


def _network(name, depth, stem_filters, input_channels):
    """Returns the functional network, with layers of blocks named as in keras-cv."""
    image = keras.Input((None, None, input_channels))
    if stem_filters is None:
        x = _convolution(image, 64, 7, strides=2, name="conv1")
        x = layers.ReLU(name="conv1_relu")(x)
    else:
        x = image
        for index, (filters, strides) in enumerate(
            zip(stem_filters, (2, 1, 1), strict=True), 1
        ):
            x = _convolution(x, filters, 3, strides, name=f"conv1_{index}")
            x = layers.ReLU(name=f"conv1_{index}_relu")(x)
    # After a ReLU, padding with zeros does not change the maximum.
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    for stage, blocks in enumerate(BLOCKS[depth]):
        for block in range(blocks):
            strides = 2 if stage > 0 and block == 0 else 1
            x = _bottleneck(
                x, 64 * 2**stage, strides, f"v2_stack_{stage}_block{block + 1}"
            )
    return keras.Model(image, x, name=name)


def _bottleneck(x, filters, strides, name):
    shortcut = x
    if x.shape[-1] != 4 * filters:
        shortcut = _convolution(x, 4 * filters, 1, strides, name=f"{name}_0")
    x = _convolution(x, filters, 1, name=f"{name}_1")
    x = layers.ReLU(name=f"{name}_1_relu")(x)
    x = _convolution(x, filters, 3, strides, name=f"{name}_2")
    x = layers.ReLU(name=f"{name}_2_relu")(x)
    x = _convolution(x, 4 * filters, 1, name=f"{name}_3")
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_out")(x)


def _convolution(x, filters, kernel_size, strides=1, name=None):
    is_padded = strides > 1 and kernel_size > 1
    if is_padded:
        x = layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x)
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding="valid" if is_padded else "same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return layers.BatchNormalization(epsilon=1e-5, momentum=0.9, name=f"{name}_bn")(x)
