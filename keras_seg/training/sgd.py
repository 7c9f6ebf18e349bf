from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from keras_seg._keras_private import variable_index
from keras_seg.ops.xla import tensorflow
from keras_seg.training.fused_update import handle, has_fused_update
from keras_seg.training.parameter_groups import ParameterGroups


@keras.saving.register_keras_serializable(package="keras_seg")
class SGD(ParameterGroups, keras.optimizers.SGD):
    """SGD as in PyTorch and the papers: the same hyperparameters give the same steps.

    PyTorch adds `weight_decay * w` to the gradient, so that momentum accumulates it up
    to `1 / (1 - momentum)` times. `keras.optimizers.SGD(weight_decay=...)` subtracts
    `learning_rate * weight_decay * w` once, which is ten times less at momentum 0.9.
    PyTorch multiplies the accumulated momentum by the current learning rate; Keras
    multiplies each gradient by the rate of its own step.

    The variable paths of a network's backbone begin with "backbone/". If a path
    contains several keys of a dict, the first of them applies.

    Args:
        learning_rate: float or a schedule, such as the papers'
            `keras.optimizers.schedules.PolynomialDecay(0.01, steps, 0.0, power=0.9)`.
        momentum: float in [0, 1]; 0.9, as in the papers, by default.
        nesterov: bool. Whether to apply Nesterov momentum, as PyTorch does.
        weight_decay: float or None, in PyTorch's convention. It applies to all
            variables, as in PyTorch.
        decay_groups: dict `{substring of variable paths: weight decay}`, or None. A
            variable whose path contains a key uses that decay instead of
            `weight_decay`.
        rate_groups: dict `{substring of variable paths: factor}`, or None. The learning
            rate of a variable whose path contains a key is multiplied by the factor.
        **kwargs: See `keras.optimizers.SGD`, which also documents `global_clipnorm`,
            `use_ema`, `ema_momentum` and `gradient_accumulation_steps`.

    Raises:
        ValueError: If a value of a group is not a number of 0 or more, or if gradients
            are accumulated, or averages overwrite the weights, in the scope of a
            `tf.distribute` strategy. When the optimizer is built, if a key matches no
            trainable variable. See also `keras.optimizers.SGD`.

    Example:
        The recipe of HANet, whose attention has less weight decay, and that of SPNet,
        whose heads learn ten times as fast as the backbone:

        ```python
        SGD(0.01, weight_decay=5e-4, decay_groups={"height_attention": 1e-4})
        SGD(0.1, weight_decay=1e-4, rate_groups={"backbone": 0.1})
        ```
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.01,
        momentum: float = 0.9,
        nesterov: bool = False,
        weight_decay: float | None = None,
        decay_groups: Mapping[str, float] | None = None,
        rate_groups: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate,
            momentum=momentum,
            nesterov=nesterov,
            weight_decay=weight_decay,
            decay_groups=decay_groups,
            rate_groups=rate_groups,
            **kwargs,
        )

    def update_step(self, gradient, variable, learning_rate):
        values = self.step_values(learning_rate)
        rate, decay = self.rate_and_decay(variable, values)
        is_fused = self.momentum and has_fused_update(gradient, variable)
        gradient = ops.cast(gradient, variable.dtype)
        if decay:
            gradient = gradient + variable * decay
        if is_fused:
            self._fused_step(gradient, variable, rate, values["momentum"])
            return
        if self.momentum:
            # Unlike in Keras, the momentum does not include the learning rate.
            velocity = self.momentums[variable_index(self, variable)]
            gathered = velocity * self.momentum + gradient
            self.assign(velocity, gathered)
            if self.nesterov:
                gradient = gradient + gathered * self.momentum
            else:
                gradient = gathered
        self.assign_sub(variable, gradient * rate)

    def shared_values(self):
        return {"momentum": ops.convert_to_tensor(self.momentum, "float32")}

    def _fused_step(self, gradient, variable, rate, momentum):
        """Updates a variable by one operation of TensorFlow, without temporary copies.

        The copies of all variables would need memory while the step's largest maps are
        still in use.
        """
        tensorflow().raw_ops.ResourceApplyMomentum(
            var=handle(variable),
            accum=handle(self.momentums[variable_index(self, variable)]),
            lr=rate,
            grad=gradient,
            momentum=momentum,
            use_nesterov=self.nesterov,
        )
