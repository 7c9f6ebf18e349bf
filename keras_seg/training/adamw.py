import keras
from keras import ops

from keras_seg._keras_private import variable_index
from keras_seg.ops.xla import tensorflow
from keras_seg.training.fused_update import handle, has_fused_update
from keras_seg.training.parameter_groups import ParameterGroups


@keras.saving.register_keras_serializable(package="keras_seg")
class AdamW(ParameterGroups, keras.optimizers.AdamW):
    """AdamW of Keras with a learning rate and weight decay for each parameter group.

    The variable paths of a network's backbone begin with "backbone/". If a path
    contains several keys of a dict, the first of them applies.

    Args:
        learning_rate, weight_decay, **kwargs: See `keras.optimizers.AdamW`, which also
            documents `global_clipnorm`, `use_ema`, `ema_momentum` and
            `gradient_accumulation_steps`.
        decay_groups: dict `{substring of variable paths: weight decay}`, or None. A
            variable whose path contains a key uses that decay instead of
            `weight_decay`.
        rate_groups: dict `{substring of variable paths: factor}`, or None. The learning
            rate of a variable whose path contains a key is multiplied by the factor.
            This scales its weight decay too, as in PyTorch's parameter groups.

    Raises:
        ValueError: If a value of a group is not a number of 0 or more, or if gradients
            are accumulated, or averages overwrite the weights, in the scope of a
            `tf.distribute` strategy. When the optimizer is built, if a key matches no
            trainable variable. See also `keras.optimizers.AdamW`.

    Example:
        The learning rate of the backbone is a tenth of that of the heads:

        ```python
        optimizer = AdamW(1e-3, weight_decay=0.01, rate_groups={"backbone": 0.1})
        model.compile(optimizer, loss)
        ```
    """

    def update_step(self, gradient, variable, learning_rate):
        values = self.step_values(learning_rate)
        rate, decay = self.rate_and_decay(variable, values)
        if decay:
            self.assign_sub(variable, variable * (rate * decay))
        if self.amsgrad or not has_fused_update(gradient, variable):
            super().update_step(gradient, variable, rate)
        else:
            self._fused_step(gradient, variable, rate, values)

    def shared_values(self):
        step = ops.cast(self.iterations + 1, "float32")
        return {
            "beta_1": ops.convert_to_tensor(self.beta_1, "float32"),
            "beta_2": ops.convert_to_tensor(self.beta_2, "float32"),
            "beta_1_power": self.beta_1**step,
            "beta_2_power": self.beta_2**step,
            "epsilon": ops.convert_to_tensor(self.epsilon, "float32"),
        }

    def _fused_step(self, gradient, variable, rate, values):
        """Updates a variable by one operation of TensorFlow, instead of about 30."""
        index = variable_index(self, variable)
        tensorflow().raw_ops.ResourceApplyAdam(
            var=handle(variable),
            m=handle(self._momentums[index]),
            v=handle(self._velocities[index]),
            beta1_power=values["beta_1_power"],
            beta2_power=values["beta_2_power"],
            lr=rate,
            beta1=values["beta_1"],
            beta2=values["beta_2"],
            epsilon=values["epsilon"],
            grad=ops.cast(gradient, variable.dtype),
        )
