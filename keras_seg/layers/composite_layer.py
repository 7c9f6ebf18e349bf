from collections.abc import Sequence
from typing import Any

import keras

from keras_seg._keras_private import layers_within


class CompositeLayer(keras.layers.Layer):
    """Layer of other layers, which stay frozen when it is saved, loaded or cloned.

    Keras stores `trainable` only for layers that have a configuration of their own. The
    layers inside are made anew, so a frozen batch norm among them would train again.
    Subclasses call `restore_frozen` at the end of `build`.

    Args:
        frozen: sequence of ints, the layers inside that are frozen, in the order of
            `layers_within`. It is part of the configuration; users set `trainable`.
        **kwargs: Base layer arguments, such as `name`.

    Example:
        ```python
        class Twice(CompositeLayer):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                self.norm = BatchNormalization()

            def build(self, input_shape):
                self.norm.build(input_shape)
                self.restore_frozen()
        ```
    """

    def __init__(self, *, frozen: Sequence[int] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._frozen = tuple(frozen)

    def restore_frozen(self):
        """Freezes the layers inside as their configuration says."""
        for index, layer in enumerate(self._inner_layers()):
            if not self.trainable or index in self._frozen:
                layer.trainable = False

    def _inner_layers(self):
        return [layer for layer in layers_within(self) if layer is not self]

    def get_config(self):
        config = super().get_config()
        frozen = self._frozen
        if self.built:
            layers = enumerate(self._inner_layers())
            frozen = tuple(index for index, layer in layers if not layer.trainable)
        # Left out where it says nothing, as in older files.
        return config | {"frozen": frozen} if frozen and self.trainable else config
