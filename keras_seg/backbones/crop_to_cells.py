import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_seg")
class CropToCells(keras.layers.Layer):
    """Crops the features of a padded image to the cells that the image reaches.

    Args:
        stride: int. Of the features.

    Call arguments:
        inputs: pair of the features `(batch, rows, columns, channels)` and the image
            before padding, `(batch, height, width, any)`.

    Returns:
        `(batch, ceil(height / stride), ceil(width / stride), channels)`.

    Example:

    ```python
    features, image = keras.ops.ones((1, 4, 4, 8)), keras.ops.ones((1, 45, 60, 3))
    CropToCells(16)([features, image]).shape  # (1, 3, 4, 8)
    ```
    """

    def __init__(self, stride, **kwargs):
        super().__init__(**kwargs)
        self.stride = stride

    def call(self, inputs):
        x, image = inputs
        rows, columns = (-(-cells // self.stride) for cells in ops.shape(image)[1:3])
        return x[:, :rows, :columns]

    def compute_output_shape(self, input_shape):
        (batch, *_, channels), (_, *sizes, _) = input_shape
        cells = [None if size is None else -(-size // self.stride) for size in sizes]
        return (batch, *cells, channels)

    def get_config(self):
        return super().get_config() | {"stride": self.stride}
