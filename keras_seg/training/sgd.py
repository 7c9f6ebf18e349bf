import keras
from keras import ops

from keras_seg._keras_private import variable_index
from keras_seg.training.parameter_groups import ParameterGroups


@keras.saving.register_keras_serializable(package="keras_seg")
class SGD(ParameterGroups, keras.optimizers.SGD):
    """SGD as the papers mean it, which is PyTorch's: the same numbers, the same steps.

    PyTorch adds `weight_decay * w` to the gradient, so that momentum gathers it up to
    `1 / (1 - momentum)` times; `keras.optimizers.SGD(weight_decay=...)` takes
    `learning_rate * weight_decay * w` off once, ten times less at momentum 0.9. PyTorch
    multiplies what momentum has gathered by the rate of now, Keras each gradient by the
    rate of its step.

    Args:
        learning_rate: float or a schedule, such as the papers'
            `keras.optimizers.schedules.PolynomialDecay(0.01, steps, 0.0, power=0.9)`.
        momentum: float in [0, 1]. The papers' is 0.9.
        nesterov: bool. Whether to apply Nesterov momentum, as PyTorch does.
        weight_decay: float or None, as PyTorch's and the papers' configurations give
            it. It acts on all variables, as there.
        decay_groups: dict `{part of variable paths: weight decay}`, or None. A variable
            whose path contains a key gets its decay in the place of `weight_decay`.
        rate_groups: dict `{part of variable paths: factor}`, or None. A variable whose
            path contains a key has that many times the learning rate.
        **kwargs: see `keras.optimizers.SGD`: `global_clipnorm`, `use_ema`,
            `ema_momentum`, `gradient_accumulation_steps` and the others.

    The paths of the variables of a network's backbone begin with "backbone/". Of
    several keys that a path contains, the first in the dict counts.

    Raises:
        ValueError: If a value of the groups is not a number of 0 or more, or if
            gradients are to be accumulated in the scope of a `tf.distribute` strategy;
            when it is built, if a key is part of no trainable variable's path; and as
            `keras.optimizers.SGD`.

    Example: the recipe of HANet, whose attention decays less, and that of SPNet, whose
    heads learn ten times as fast as the backbone,

    ```python
    SGD(0.01, 0.9, weight_decay=5e-4, decay_groups={"height_attention": 1e-4})
    SGD(0.1, 0.9, weight_decay=1e-4, rate_groups={"backbone": 0.1})
    ```
    """

    def update_step(self, gradient, variable, learning_rate):
        rate, decay = self.rate_and_decay(variable, learning_rate)
        gradient = ops.cast(gradient, variable.dtype)
        if decay:
            gradient = gradient + variable * decay
        if self.momentum:
            # Without the rate, which Keras's own momentum contains.
            velocity = self.momentums[variable_index(self, variable)]
            gathered = velocity * self.momentum + gradient
            self.assign(velocity, gathered)
            if self.nesterov:
                gradient = gradient + gathered * self.momentum
            else:
                gradient = gathered
        self.assign_sub(variable, gradient * rate)


def sgd(
    learning_rate,
    momentum=0.9,
    weight_decay=0.0,
    decay_groups=None,
    rate_groups=None,
    **kwargs,
):
    """Returns `SGD` with the papers' momentum of 0.9; see there.

    Args:
        learning_rate, momentum, decay_groups, rate_groups, **kwargs: see `SGD`.
        weight_decay: float. 0 for none.

    Returns:
        A `keras_seg.training.SGD`.

    Raises:
        ValueError: As `SGD`.

    Example: `sgd(0.01, weight_decay=5e-4, use_ema=True, ema_momentum=0.999)`
    """
    return SGD(
        learning_rate,
        momentum=momentum,
        weight_decay=weight_decay or None,
        decay_groups=decay_groups,
        rate_groups=rate_groups,
        **kwargs,
    )
