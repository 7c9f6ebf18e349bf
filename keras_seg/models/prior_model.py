import keras

from keras_seg.layers import ContextPriorLayer
from keras_seg.models.functional_model import functional_model
from keras_seg.models.network_info import network_info
from keras_seg.models.rerun import rerun
from keras_seg.models.without_inputs import WithoutInputs, unneeded_inputs


def prior_model(model: keras.Model) -> keras.Model:
    """Returns a model of the context prior of a CPNet.

    Args:
        model: `CPNet`, fused or not, or its `inference_model`, or any functional
            `keras.Model` with one `ContextPriorLayer` and the image as first input.

    Returns:
        A functional `keras.Model` from images to the prior `(batch, N, N)`, float32 in
        0..1: the probability that each cell of the features, row by row, has the same
        class as each other cell. It shares the weights of `model`, except those of the
        `ContextPriorLayer`, which are copied.

    Raises:
        TypeError: If the model is not functional.
        ValueError: If the model does not have exactly one such layer.

    Example:
        ```python
        model = CPNet(11, "resnet18", prior_size=(30, 40))
        prior = prior_model(model)(images)  # (batch, 1200, 1200)
        ```
    """
    model = functional_model(model)
    layers = [x for x in model.layers if isinstance(x, ContextPriorLayer)]
    if len(layers) != 1:
        raise ValueError(
            "The model must have one ContextPriorLayer. "
            f"Received: {model.name!r} with {len(layers)}"
        )
    (layer,) = layers
    # A new layer, because one with a fused loss never computes the whole prior.
    plain = ContextPriorLayer.from_config(layer.get_config() | {"fused_loss": None})
    # The model takes images only, not the labels or positions of other inputs.
    without = WithoutInputs(unneeded_inputs(network_info(model)))
    sources = []

    def call(called, *args, **kwargs):
        if called is layer:
            sources.append(args[0])
        return without(called, *args, **kwargs)

    image = rerun(model, call).inputs[0]
    _, logits = plain(sources[0])
    plain.set_weights(layer.get_weights())
    prior = keras.layers.Activation("sigmoid", dtype="float32")(logits)
    return keras.Model(image, prior, name=f"{model.name}_prior")
