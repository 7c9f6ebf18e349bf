import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_seg")
class PadToMultiple(keras.layers.Layer):
    """Pads images with zeros at the bottom and right, for networks that halve them.

    Args:
        multiple: int. The height and width become multiples of this.

    Shapes: `(batch, height, width, channels)` to the same with
    `ceil(height / multiple) * multiple` rows.

    Example:

    ```python
    PadToMultiple(2)(keras.ops.ones((1, 45, 60, 3))).shape  # (1, 46, 60, 3)
    ```
    """

    def __init__(self, multiple, **kwargs):
        super().__init__(**kwargs)
        self.multiple = multiple

    def call(self, x):
        missing = [-cells % self.multiple for cells in ops.shape(x)[1:3]]
        return ops.pad(x, [(0, 0), *((0, cells) for cells in missing), (0, 0)])

    def compute_output_shape(self, input_shape):
        batch, *sizes, channels = input_shape
        padded = [
            None if cells is None else cells + -cells % self.multiple for cells in sizes
        ]
        return (batch, *padded, channels)

    def get_config(self):
        return super().get_config() | {"multiple": self.multiple}
