import keras

from keras_seg.layers import HeightDrivenAttention
from keras_seg.models.rerun import rerun
from keras_seg.typing import Tensor


def attention_model(model: keras.Model) -> keras.Model:
    """Returns a model of the attention maps of a HANet.

    Args:
        model: `HANet`, with positions or without, or any functional `keras.Model` with
            `HeightDrivenAttention` layers whose `return_attention` is True.

    Returns:
        A functional `keras.Model` that has the inputs of `model` and shares its
        weights. It returns the dict `{"attention1": (batch, rows, 1, channels), ...}`
        of attention weights in 0..1, by point in a HANet and by layer name in other
        models; with "_2" and so on for further calls of the same layer.

    Raises:
        TypeError: If the model is not functional.
        ValueError: If the model has no such layer.

    Example:
        ```python
        model = HANet(11, "resnet18", positions=True)
        maps = attention_model(inference_model(model))(images)
        maps["attention1"].shape  # (batch, rows, 1, channels)
        ```
    """
    maps: dict[str, Tensor] = {}
    calls: dict[str, int] = {}

    def call(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        if isinstance(layer, HeightDrivenAttention) and layer.return_attention:
            name = layer.name.replace("height_attention_", "attention")
            calls[name] = calls.get(name, 0) + 1
            maps[name if calls[name] == 1 else f"{name}_{calls[name]}"] = outputs[1]
        return outputs

    again = rerun(model, call)
    if not maps:
        raise ValueError(
            "The model must have HeightDrivenAttention layers with "
            f"return_attention=True. Received: {model.name!r} without any"
        )
    return keras.Model(again.input, maps, name=f"{model.name}_attention")
