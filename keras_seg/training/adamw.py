import keras

from keras_seg.training.parameter_groups import ParameterGroups


@keras.saving.register_keras_serializable(package="keras_seg")
class AdamW(ParameterGroups, keras.optimizers.AdamW):
    """Keras's AdamW, with other rates and weight decays for parts of a model.

    Args:
        learning_rate, weight_decay, **kwargs: see `keras.optimizers.AdamW`:
            `global_clipnorm`, `use_ema`, `ema_momentum`, `gradient_accumulation_steps`
            and the others.
        decay_groups: dict `{part of variable paths: weight decay}`, or None. A variable
            whose path contains a key gets its decay in the place of `weight_decay`.
        rate_groups: dict `{part of variable paths: factor}`, or None. A variable whose
            path contains a key has that many times the learning rate, and its decay
            counts as much more or less, as with PyTorch's parameter groups.

    The paths of the variables of a network's backbone begin with "backbone/". Of
    several keys that a path contains, the first in the dict counts.

    Raises:
        ValueError: If a value of the groups is not a number of 0 or more, or if
            gradients are to be accumulated in the scope of a `tf.distribute` strategy;
            when it is built, if a key is part of no trainable variable's path; and as
            `keras.optimizers.AdamW`.

    Example: the backbone learns a tenth as fast as the heads,

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
