import keras

from keras_seg.training.decay_groups import DecayGroups


@keras.saving.register_keras_serializable(package="keras_seg")
class AdamW(DecayGroups, keras.optimizers.AdamW):
    """Keras's AdamW, with another weight decay for some of the variables.

    Args:
        learning_rate, weight_decay, **kwargs: see `keras.optimizers.AdamW`.
        decay_groups: dict `{part of variable paths: weight decay}`, or None. A variable
            whose path contains a key gets its decay in the place of `weight_decay`.

    Raises:
        ValueError: When it is built, if a key is part of no variable's path.

    Example:

    ```python
    model.compile(AdamW(1e-3, weight_decay=5e-4, decay_groups={"height_": 1e-4}), loss)
    ```
    """
