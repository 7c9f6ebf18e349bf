"""Keys of torchvision's MobileNetV2 in HANet's release."""

# Layers of the release, and the index of the first of torchvision's `features` in each.
_LAYERS = {"layer0": 0, "layer1": 2, "layer2": 7, "layer3": 11, "layer4": 18}
_LAST = 18

_UNIT = {"0": "conv", "1": "bn"}
_FIRST_BLOCK = {
    "conv.0.0": "depthwise_conv",
    "conv.0.1": "depthwise_bn",
    "conv.1": "project_conv",
    "conv.2": "project_bn",
}
_BLOCK = {
    "conv.0.0": "expand_conv",
    "conv.0.1": "expand_bn",
    "conv.1.0": "depthwise_conv",
    "conv.1.1": "depthwise_bn",
    "conv.2": "project_conv",
    "conv.3": "project_bn",
}


def mobilenet_v2_keys():
    """Returns the table `{original key: layer of the pyramid}`."""
    table = {}
    for feature in range(_LAST + 1):
        layer, first = max(
            (item for item in _LAYERS.items() if item[1] <= feature),
            key=lambda item: item[1],
        )
        if feature in (0, _LAST):
            parts, name = _UNIT, "top" if feature else "stem"
        else:
            parts, name = _FIRST_BLOCK if feature == 1 else _BLOCK, f"block{feature}"
        table |= {
            f"{layer}.{feature - first}.{key}": f"{name}_{part}"
            for key, part in parts.items()
        }
    return table
