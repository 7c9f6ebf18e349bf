import keras

from keras_seg._keras_private import copy_lambda, freeze_inside, layers_within
from keras_seg.layers import ContextPriorLayer
from keras_seg.losses import AffinityLoss
from keras_seg.models.checks import require_classes
from keras_seg.models.functional_model import functional_model
from keras_seg.models.network_info import network_info


def replace_classifier(model: keras.Model, num_classes: int) -> keras.Model:
    """Returns a copy of a trained network for another number of classes.

    Use it for transfer learning. All weights are copied except those of the
    classifiers, the last 1x1 convolution of each head, and of an attention on the
    logits, which are initialized and trainable. Other frozen layers stay frozen. The
    copy is not compiled.

    Args:
        model: a model of `keras_seg.models`, with or without training-only heads.
        num_classes: int. 1 for two classes, 0 and 1, predicted by a sigmoid.

    Returns:
        A functional `keras.Model` with logits of `num_classes` classes.

    Raises:
        TypeError: If the model is not functional.
        ValueError: If `num_classes` is not a positive integer, if the model does not
            mark its classifiers (see `keras_seg.layers.NetworkTensor`), or if a
            classifier is neither a convolution nor a dense layer.

    Example:
        ```python
        trained = keras.saving.load_model("runs/camvid/best.keras", compile=False)
        model = replace_classifier(trained, num_classes=5)
        model.get_layer("backbone").trainable = False
        ```
    """
    num_classes = require_classes(num_classes)
    model = functional_model(model)
    classifiers = network_info(model).classifiers
    if not classifiers:
        raise ValueError(
            "The model must mark its classifiers: add "
            'keras_seg.layers.NetworkTensor("logits") after each of them. '
            f"Received: {model.name!r}"
        )

    def copy(layer):
        if isinstance(layer, keras.layers.Lambda):
            return copy_lambda(layer, layer.name)
        if isinstance(layer, keras.Model) and _has_lambdas(layer):
            return _clone(layer, copy)
        config = layer.get_config()
        if layer in classifiers:
            config[_size_argument(layer)] = num_classes
        if isinstance(layer, ContextPriorLayer) and layer.fused_loss is not None:
            loss = layer.fused_loss.get_config() | {"num_classes": max(num_classes, 2)}
            config["fused_loss"] = keras.losses.serialize(AffinityLoss(**loss))
        return type(layer).from_config(config)

    # Without compilation, or the metrics for the old classes would be cloned too.
    plain = keras.Model(model.input, model.output, name=model.name)
    changed = keras.models.clone_model(plain, clone_function=copy)
    for layer in model.layers:
        if not layer.weights:  # inputs may have other names
            continue
        twin = changed.get_layer(layer.name)
        # HANet's attention on the logits has as many channels as there are classes.
        fits = [w.shape for w in layer.weights] == [w.shape for w in twin.weights]
        if layer not in classifiers and fits:
            twin.set_weights(layer.get_weights())
            if not isinstance(layer, keras.Model):  # whose layers have configurations
                freeze_inside(twin, layer)
        else:
            twin.trainable = True  # even in a frozen network, because it is untrained
    return changed


def _has_lambdas(model):
    return any(isinstance(x, keras.layers.Lambda) for x in layers_within(model))


def _clone(model, copy):
    """Clones a nested model, whose configuration would not restore its functions."""
    with keras.name_scope(model.name):  # as `FeaturePyramid` does
        cloned = keras.models.clone_model(model, clone_function=copy)
    for layer in model.layers:
        freeze_inside(cloned.get_layer(layer.name), layer)
    return cloned


def _size_argument(layer):
    """Returns the argument of a classifier that is its number of classes."""
    for argument in ("filters", "units"):
        if argument in layer.get_config():
            return argument
    raise ValueError(
        "A classifier must be a convolution or a dense layer. Received: "
        f"{layer.name!r} of type {type(layer).__name__}"
    )
