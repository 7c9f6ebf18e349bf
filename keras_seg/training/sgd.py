import keras
from keras import ops

from keras_seg.training.parameter_groups import ParameterGroups


@keras.saving.register_keras_serializable(package="keras_seg")
class SGD(ParameterGroups, keras.optimizers.SGD):
    """Keras's SGD, which steps as PyTorch's does; made by `sgd`."""

    def update_step(self, gradient, variable, learning_rate):
        rate, decay = self.rate_and_decay(variable, learning_rate)
        gradient = ops.cast(gradient, variable.dtype)
        if decay:
            gradient = gradient + variable * decay
        if self.momentum:
            # Without the rate, which Keras's own momentum contains.
            velocity = self.momentums[self._get_variable_index(variable)]
            gathered = velocity * self.momentum + gradient
            self.assign(velocity, gathered)
            if self.nesterov:
                gradient = gradient + gathered * self.momentum
            else:
                gradient = gathered
        self.assign_sub(variable, gradient * rate)


def sgd(
    learning_rate, momentum=0.9, weight_decay=0.0, decay_groups=None, rate_groups=None
):
    """SGD as the papers mean it, which is PyTorch's: the same numbers, the same steps.

    PyTorch adds `weight_decay * w` to the gradient, so that momentum gathers it up to
    `1 / (1 - momentum)` times; `keras.optimizers.SGD(weight_decay=...)` takes
    `learning_rate * weight_decay * w` off once, ten times less at momentum 0.9. PyTorch
    multiplies what momentum has gathered by the rate of now, Keras each gradient by the
    rate of its step.

    Args:
        learning_rate: float or a schedule, such as the papers'
            `keras.optimizers.schedules.PolynomialDecay(0.01, steps, 0.0, power=0.9)`.
        momentum: float in [0, 1).
        weight_decay: float, as PyTorch's and the papers' configurations give it. It
            acts on all variables, as there.
        decay_groups: dict `{part of variable paths: weight decay}`, or None. A variable
            whose path contains a key gets its decay in the place of `weight_decay`.
        rate_groups: dict `{part of variable paths: factor}`, or None. A variable whose
            path contains a key has that many times the learning rate.

    The paths of the variables of a network's backbone begin with "backbone/". Of
    several keys that a path contains, the first in the dict counts.

    Returns:
        A `keras.optimizers.SGD`.

    Raises:
        ValueError: If a value of the groups is no number of 0 or more; and when it is
            built, if a key is part of no trainable variable's path.

    Example: the recipe of HANet, whose attention decays less, and that of SPNet, whose
    heads learn ten times as fast as the backbone,

    ```python
    sgd(0.01, weight_decay=5e-4, decay_groups={"height_attention": 1e-4})
    sgd(0.1, weight_decay=1e-4, rate_groups={"backbone": 0.1})
    ```
    """
    return SGD(
        learning_rate,
        momentum=momentum,
        weight_decay=weight_decay or None,
        decay_groups=decay_groups,
        rate_groups=rate_groups,
    )
