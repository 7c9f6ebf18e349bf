import keras

from keras_seg.layers import AffinityFeatures, FeatureAffinity
from keras_seg.models.functional_model import functional_model
from keras_seg.models.network_info import network_info
from keras_seg.models.rerun import rerun
from keras_seg.models.without_inputs import WithoutInputs, unneeded_inputs


def affinity_model(model: keras.Model) -> keras.Model:
    """Returns a model of the features that the feature affinity of a DSRL compares.

    Args:
        model: `DSRL`, or any functional `keras.Model` with one `FeatureAffinity` layer
            and the image as first input.

    Returns:
        A functional `keras.Model` that shares the weights of `model`. It maps images to
        the dict of "segmentation" `(batch, rows, columns, channels)` and
        "super_resolution" `(batch, rows, columns, other channels)`, float32. These are
        the features as the layer pools them, normalized to unit length in each cell
        (cells of zeros stay zero). The dot product of two cells is their similarity.

    Raises:
        TypeError: If the model is not functional.
        ValueError: If the model does not have exactly one such layer.

    Example:
        ```python
        features = affinity_model(DSRL(11, "resnet18"))(images)["segmentation"]
        x = keras.ops.reshape(features[0], (-1, features.shape[-1]))
        similarity = x @ keras.ops.transpose(x)  # of all cells of the first image
        ```
    """
    model = functional_model(model)
    layers = [x for x in model.layers if isinstance(x, FeatureAffinity)]
    if len(layers) != 1:
        raise ValueError(
            "The model must have one FeatureAffinity layer. "
            f"Received: {model.name!r} with {len(layers)}"
        )
    (layer,) = layers
    # The model takes images only, not the labels or positions of other inputs.
    without = WithoutInputs(unneeded_inputs(network_info(model)))
    sources = []

    def call(called, *args, **kwargs):
        if called is layer:
            sources.append(args[0])
        return without(called, *args, **kwargs)

    image = rerun(model, call).inputs[0]
    features = {
        name: AffinityFeatures(layer.subscale, dtype="float32", name=name)(x)
        for name, x in zip(
            ("segmentation", "super_resolution"), sources[0], strict=True
        )
    }
    return keras.Model(image, features, name=f"{model.name}_affinity")
