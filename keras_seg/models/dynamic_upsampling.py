import keras

from keras_seg.backbones.graph import is_functional
from keras_seg.layers import BilinearUpsample
from keras_seg.models.rerun import rerun


def with_dynamic_upsampling(model):
    """Returns a model whose bilinear upsampling works for unknown sizes in a graph.

    On TensorFlow, `keras.layers.UpSampling2D(interpolation="bilinear")` cannot be
    traced for images of unknown size. It is replaced by `BilinearUpsample`, which gives
    the same values. Layers inside of other layers are not replaced.

    Args:
        model: `keras.Model`.

    Returns:
        A functional `keras.Model` that shares its weights with `model`, or `model`
        itself if there is nothing to replace.

    Example:
        `with_dynamic_upsampling(keras.saving.load_model("unet.keras"))`
    """
    if not is_functional(model) or None not in model.inputs[0].shape[1:3]:
        return model
    if not any(map(_is_bilinear, model.layers)):
        return model
    replaced = {}

    def call(layer, *args, **kwargs):
        if _is_bilinear(layer):
            if layer.name not in replaced:  # a layer may be called several times
                replaced[layer.name] = BilinearUpsample(
                    layer.size[0], name=layer.name, dtype=layer.dtype_policy
                )
            layer = replaced[layer.name]
        return layer(*args, **kwargs)

    return rerun(model, call)


def _is_bilinear(layer):
    return (
        isinstance(layer, keras.layers.UpSampling2D)
        and layer.interpolation == "bilinear"
        and layer.data_format == "channels_last"
        and layer.size[0] == layer.size[1]
    )
