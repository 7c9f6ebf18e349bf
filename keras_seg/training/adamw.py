import keras

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
            are accumulated in the scope of a `tf.distribute` strategy. When the
            optimizer is built, if a key matches no trainable variable. See also
            `keras.optimizers.AdamW`.

    Example:
        The learning rate of the backbone is a tenth of that of the heads:

        ```python
        optimizer = AdamW(1e-3, weight_decay=0.01, rate_groups={"backbone": 0.1})
        model.compile(optimizer, loss)
        ```
    """

    def update_step(self, gradient, variable, learning_rate):
        rate, decay = self.rate_and_decay(variable, learning_rate)
        if decay:
            self.assign_sub(variable, variable * (rate * decay))
        super().update_step(gradient, variable, rate)
