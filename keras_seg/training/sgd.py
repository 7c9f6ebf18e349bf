import keras

from keras_seg.training.decay_groups import DecayGroups


@keras.saving.register_keras_serializable(package="keras_seg")
class SGD(DecayGroups, keras.optimizers.SGD):
    """Keras's SGD with `decay_groups`; made by `sgd`."""


def sgd(learning_rate, momentum=0.9, weight_decay=0.0, decay_groups=None):
    """SGD with the weight decay that the papers mean: PyTorch's, as an L2 term.

    PyTorch adds `weight_decay * w` to the gradient, so that momentum gathers it up to
    `1 / (1 - momentum)` times; `keras.optimizers.SGD(weight_decay=...)` takes
    `learning_rate * weight_decay * w` off once, ten times less at momentum 0.9. This is
    Keras's optimizer with its weight decay raised by that factor: the two then differ
    only while momentum builds up.

    Args:
        learning_rate: float or a schedule, such as the papers'
            `keras.optimizers.schedules.PolynomialDecay(0.01, steps, 0.0, power=0.9)`.
        momentum: float in [0, 1).
        weight_decay: float, as PyTorch's and the papers' configurations give it. It
            acts on all variables, as there.
        decay_groups: dict `{part of variable paths: weight decay}`, or None. A variable
            whose path contains a key gets its decay in the place of `weight_decay`.

    Returns:
        A `keras.optimizers.SGD`.

    Raises:
        ValueError: When it is built, if a key is part of no variable's path.

    Example: the recipe of HANet, whose attention decays less,

    ```python
    optimizer = sgd(0.01, weight_decay=5e-4, decay_groups={"height_attention": 1e-4})
    model.compile(optimizer, loss)
    ```
    """
    gathered = 1 / (1 - momentum)
    groups = {key: decay * gathered for key, decay in (decay_groups or {}).items()}
    return SGD(
        learning_rate,
        momentum=momentum,
        weight_decay=weight_decay * gathered or None,
        decay_groups=groups,
    )
