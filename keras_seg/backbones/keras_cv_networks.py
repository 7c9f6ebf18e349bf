"""keras-cv's networks by name, with explicit configurations.

keras-cv's presets download their configuration even without weights, so its classes are
called with explicit arguments here. keras-cv is imported when a network is built.
"""

import functools

import keras
from keras import ops

from keras_seg.backbones.opening import contained_layers

_RESNETS = {
    "resnet10": ("basic_block", (1, 1, 1, 1)),
    "resnet18": ("basic_block", (2, 2, 2, 2)),
    "resnet34": ("basic_block", (3, 4, 6, 3)),
    "resnet50": ("block", (3, 4, 6, 3)),
    "resnet101": ("block", (3, 4, 23, 3)),
    "resnet152": ("block", (3, 8, 36, 3)),
}

# Per block: expansion, filters, kernel size, stride, squeeze ratio, activation.
_MOBILENETS_V3 = {
    "mobilenet_v3_small": (
        (1, 16, 3, 2, 0.25, "relu"),
        (72 / 16, 24, 3, 2, None, "relu"),
        (88 / 24, 24, 3, 1, None, "relu"),
        (4, 40, 5, 2, 0.25, "hard_swish"),
        (6, 40, 5, 1, 0.25, "hard_swish"),
        (6, 40, 5, 1, 0.25, "hard_swish"),
        (3, 48, 5, 1, 0.25, "hard_swish"),
        (3, 48, 5, 1, 0.25, "hard_swish"),
        (6, 96, 5, 2, 0.25, "hard_swish"),
        (6, 96, 5, 1, 0.25, "hard_swish"),
        (6, 96, 5, 1, 0.25, "hard_swish"),
    ),
    "mobilenet_v3_large": (
        (1, 16, 3, 1, None, "relu"),
        (4, 24, 3, 2, None, "relu"),
        (3, 24, 3, 1, None, "relu"),
        (3, 40, 5, 2, 0.25, "relu"),
        (3, 40, 5, 1, 0.25, "relu"),
        (3, 40, 5, 1, 0.25, "relu"),
        (6, 80, 3, 2, None, "hard_swish"),
        (2.5, 80, 3, 1, None, "hard_swish"),
        (2.3, 80, 3, 1, None, "hard_swish"),
        (2.3, 80, 3, 1, None, "hard_swish"),
        (6, 112, 3, 1, 0.25, "hard_swish"),
        (6, 112, 3, 1, 0.25, "hard_swish"),
        (6, 160, 5, 2, 0.25, "hard_swish"),
        (6, 160, 5, 1, 0.25, "hard_swish"),
        (6, 160, 5, 1, 0.25, "hard_swish"),
    ),
}

# Width and depth coefficients of B0, B1, ...
_EFFICIENTNET_SCALES = (
    (1.0, 1.0),
    (1.0, 1.1),
    (1.1, 1.2),
    (1.2, 1.4),
    (1.4, 1.8),
    (1.6, 2.2),
    (1.8, 2.6),
    (2.0, 3.1),
)

# Per stage of V1 and Lite: kernel size, repeats, filters in, out, expansion, stride.
_EFFICIENTNET_STAGES = (
    (3, 1, 32, 16, 1, 1),
    (3, 2, 16, 24, 6, 2),
    (5, 2, 24, 40, 6, 2),
    (3, 3, 40, 80, 6, 2),
    (5, 3, 80, 112, 6, 1),
    (5, 4, 112, 192, 6, 2),
    (3, 1, 192, 320, 6, 1),
)

# Per stage, of V2: repeats, filters in and out, expansion, squeeze ratio, stride. The
# first three stages are fused.
_EFFICIENTNET_V2_B = (
    (1, 32, 16, 1, 0, 1),
    (2, 16, 32, 4, 0, 2),
    (2, 32, 48, 4, 0, 2),
    (3, 48, 96, 4, 0.25, 2),
    (5, 96, 112, 6, 0.25, 1),
    (8, 112, 192, 6, 0.25, 2),
)
_EFFICIENTNETS_V2 = {
    "b0": (1.0, 1.0, _EFFICIENTNET_V2_B),
    "b1": (1.0, 1.1, _EFFICIENTNET_V2_B),
    "b2": (1.1, 1.2, _EFFICIENTNET_V2_B),
    "b3": (1.2, 1.4, _EFFICIENTNET_V2_B),
    "s": (
        1.0,
        1.0,
        (
            (2, 24, 24, 1, 0, 1),
            (4, 24, 48, 4, 0, 2),
            (4, 48, 64, 4, 0, 2),
            (6, 64, 128, 4, 0.25, 2),
            (9, 128, 160, 6, 0.25, 1),
            (15, 160, 256, 6, 0.25, 2),
        ),
    ),
    "m": (
        1.0,
        1.0,
        (
            (3, 24, 24, 1, 0, 1),
            (5, 24, 48, 4, 0, 2),
            (5, 48, 80, 4, 0, 2),
            (7, 80, 160, 4, 0.25, 2),
            (14, 160, 176, 6, 0.25, 1),
            (18, 176, 304, 6, 0.25, 2),
            (5, 304, 512, 6, 0.25, 1),
        ),
    ),
    "l": (
        1.0,
        1.0,
        (
            (4, 32, 32, 1, 0, 1),
            (7, 32, 64, 4, 0, 2),
            (7, 64, 96, 4, 0, 2),
            (10, 96, 192, 4, 0.25, 2),
            (19, 192, 224, 6, 0.25, 1),
            (25, 224, 384, 6, 0.25, 2),
            (7, 384, 640, 6, 0.25, 1),
        ),
    ),
}

_DENSENETS = {
    "densenet121": (6, 12, 24, 16),
    "densenet169": (6, 12, 32, 32),
    "densenet201": (6, 12, 48, 32),
}

# Channels and depth of the four stages.
_CSP_DARKNETS = {
    "csp_darknet_tiny": ((48, 96, 192, 384), (1, 3, 3, 1)),
    "csp_darknet_s": ((64, 128, 256, 512), (1, 3, 3, 1)),
    "csp_darknet_m": ((96, 192, 384, 768), (2, 6, 6, 2)),
    "csp_darknet_l": ((128, 256, 512, 1024), (3, 9, 9, 3)),
    "csp_darknet_xl": ((170, 340, 680, 1360), (4, 12, 12, 4)),
}


_NO_PADDING = ((0, 0), (0, 0))
_HARD_SIGMOID = "HardSigmoidActivation"  # a layer of keras-cv without configuration


def _resnet(class_name, name, **options):
    from keras_cv import models

    block, repeats = _RESNETS[name.removesuffix("_v2")]
    filters = [64, 128, 256, 512]
    if name == "resnet10":  # for demonstrations: trains on small images in minutes
        filters = [64, 64, 128, 192]
    return getattr(models, class_name)(
        stackwise_filters=filters,
        stackwise_blocks=list(repeats),
        stackwise_strides=[1, 2, 2, 2],
        block_type=block,
        name=name,
        **options,
    )


def _mobilenet_v3(name, **options):
    from keras_cv.models import MobileNetV3Backbone

    expansion, filters, kernel_size, stride, se_ratio, activation = map(
        list, zip(*_MOBILENETS_V3[name], strict=True)
    )
    return MobileNetV3Backbone(
        stackwise_expansion=expansion,
        stackwise_filters=filters,
        stackwise_kernel_size=kernel_size,
        stackwise_stride=stride,
        stackwise_se_ratio=se_ratio,
        stackwise_activation=activation,
        name=name,
        **options,
    )


def _efficientnet(class_name, name, **options):
    from keras_cv import models

    width, depth = _EFFICIENTNET_SCALES[int(name[-1])]
    kernel_size, repeats, inputs, outputs, expansion, strides = map(
        list, zip(*_EFFICIENTNET_STAGES, strict=True)
    )
    return getattr(models, class_name)(
        stackwise_kernel_sizes=kernel_size,
        stackwise_num_repeats=repeats,
        stackwise_input_filters=inputs,
        stackwise_output_filters=outputs,
        stackwise_expansion_ratios=expansion,
        stackwise_strides=strides,
        width_coefficient=width,
        depth_coefficient=depth,
        name=name,
        **options,
    )


def _efficientnet_v1(name, **options):
    ratios = [0.25] * len(_EFFICIENTNET_STAGES)
    return _efficientnet(
        "EfficientNetV1Backbone",
        name,
        stackwise_squeeze_and_excite_ratios=ratios,
        **options,
    )


def _efficientnet_v2(name, **options):
    from keras_cv.models import EfficientNetV2Backbone

    width, depth, stages = _EFFICIENTNETS_V2[name.rsplit("_", 1)[1]]
    repeats, inputs, outputs, expansion, se_ratio, strides = map(
        list, zip(*stages, strict=True)
    )
    return EfficientNetV2Backbone(
        stackwise_kernel_sizes=[3] * len(stages),
        stackwise_num_repeats=repeats,
        stackwise_input_filters=inputs,
        stackwise_output_filters=outputs,
        stackwise_expansion_ratios=expansion,
        stackwise_squeeze_and_excite_ratios=se_ratio,
        stackwise_strides=strides,
        stackwise_conv_types=["fused"] * 3 + ["unfused"] * (len(stages) - 3),
        width_coefficient=width,
        depth_coefficient=depth,
        name=name,
        **options,
    )


def _densenet(name, **options):
    from keras_cv.models import DenseNetBackbone

    repeats = list(_DENSENETS[name])
    return DenseNetBackbone(stackwise_num_repeats=repeats, name=name, **options)


def _csp_darknet(name, **options):
    from keras_cv.models import CSPDarkNetBackbone

    channels, depth = map(list, _CSP_DARKNETS[name])
    return CSPDarkNetBackbone(
        stackwise_channels=channels, stackwise_depth=depth, name=name, **options
    )


_BUILDERS = {
    **dict.fromkeys(_RESNETS, functools.partial(_resnet, "ResNetBackbone")),
    **dict.fromkeys(
        [f"{name}_v2" for name in _RESNETS if name != "resnet10"],
        functools.partial(_resnet, "ResNetV2Backbone"),
    ),
    **dict.fromkeys(_MOBILENETS_V3, _mobilenet_v3),
    **dict.fromkeys(
        [f"efficientnet_lite_b{scale}" for scale in range(5)],
        functools.partial(_efficientnet, "EfficientNetLiteBackbone"),
    ),
    **dict.fromkeys(
        [f"efficientnet_v1_b{scale}" for scale in range(8)], _efficientnet_v1
    ),
    **dict.fromkeys(
        [f"efficientnet_v2_{scale}" for scale in _EFFICIENTNETS_V2], _efficientnet_v2
    ),
    **dict.fromkeys(_DENSENETS, _densenet),
    **dict.fromkeys(_CSP_DARKNETS, _csp_darknet),
}

NAMES = tuple(_BUILDERS)


def network(name, input_channels=3):
    """Returns a keras-cv network by name, with "same" padding of strided windows.

    keras-cv pads strided depthwise convolutions explicitly and treats dynamic sizes as
    even: at odd sizes the features shift by a pixel and lose a row. "same" is
    equivalent at even sizes and correct at every size.
    """
    built = _BUILDERS[name](
        name=name, input_shape=(None, None, input_channels), include_rescaling=False
    )
    for layer in contained_layers(built):
        if isinstance(layer, keras.layers.ZeroPadding2D):
            layer.padding = _NO_PADDING
        elif getattr(layer, "padding", None) == "valid" and max(layer.strides) > 1:
            layer.padding = "same"
        elif isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9
        elif type(getattr(layer, "activation", None)).__name__ == _HARD_SIGMOID:
            # On PyTorch, an attribute that holds a layer accepts only layers.
            del layer.activation
            layer.activation = mobile_hard_sigmoid
    return built


@keras.saving.register_keras_serializable(package="keras_seg")
def mobile_hard_sigmoid(x):
    """Computes `relu6(x + 3) / 6`, which Keras's `hard_sigmoid` is on Keras 3 only."""
    return ops.relu6(x + 3) / 6


def adapt(call, layers):
    """Replaces calls of keras-cv's networks that cannot be saved or are not needed."""
    if isinstance(call.operation, keras.layers.Lambda):
        return [keras.layers.Activation("silu", name=call.name)]  # all of its lambdas
    if getattr(call.operation, "padding", None) == _NO_PADDING:
        return []
    return layers
