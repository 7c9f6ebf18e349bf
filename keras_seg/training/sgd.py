import keras


def sgd(learning_rate, momentum=0.9, weight_decay=0.0):
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

    Returns:
        `keras.optimizers.SGD`.

    Example:

    ```python
    model.compile(sgd(0.01, weight_decay=1e-4), loss)
    ```
    """
    return keras.optimizers.SGD(
        learning_rate,
        momentum=momentum,
        weight_decay=weight_decay / (1 - momentum) or None,
    )
