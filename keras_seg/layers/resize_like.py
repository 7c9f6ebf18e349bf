from typing import Any

import keras
from keras import ops

from keras_seg.ceil_division import ceil_division
from keras_seg.layers.data_format import require_channels_last
from keras_seg.ops import resize_bilinear
from keras_seg.positive_integer import require_positive_integer


@keras.saving.register_keras_serializable(package="keras_seg")
class ResizeLike(keras.layers.Layer):
    """Resizes a feature map bilinearly to the height and width of another tensor.

    Heads use it to resize logits to the size of the image. Supports dynamic shapes,
    which `keras.layers.Resizing` refuses in a graph.

    Args:
        align_corners: bool. See `keras_seg.ops.resize_bilinear`.
        multiple: int. Set it for maps of an image whose bottom and right were padded to
            a multiple of this: the map is resized to the padded size, then cropped.
        **kwargs: Base layer arguments, such as `name` and `dtype`.

    Output shape:
        `(batch, height, width, channels)`.

    Call arguments:
        inputs: pair `[x, reference]` of tensors `(batch, h, w, channels)` and `(batch,
            height, width, reference channels)`.

    Raises:
        ValueError: If `multiple` is not a positive integer, if the inputs are not two
            tensors of rank 4, or if Keras is configured for `channels_first`.

    Example:
        ```python
        image, logits = keras.ops.ones((2, 33, 47, 3)), keras.ops.ones((2, 5, 6, 11))
        ResizeLike()([logits, image]).shape  # (2, 33, 47, 11)
        ```
    """

    def __init__(
        self, align_corners: bool = False, multiple: int = 1, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        require_channels_last(self)
        multiple = require_positive_integer("multiple", multiple)
        self.input_spec = [keras.layers.InputSpec(ndim=4)] * 2
        self.align_corners = align_corners
        self.multiple = multiple

    def call(self, inputs):
        x, reference = inputs
        height, width = ops.shape(reference)[1:3]
        multiple = self.multiple
        padded = [ceil_division(n, multiple) * multiple for n in (height, width)]
        x = resize_bilinear(x, padded, self.align_corners)
        # Static sizes that match need no slice, whose gradient would copy the map.
        is_whole = all(isinstance(n, int) for n in padded) and padded == [height, width]
        return x if self.multiple == 1 or is_whole else x[:, :height, :width]

    def compute_output_shape(self, input_shape):
        x, reference = input_shape
        return (x[0], *reference[1:3], x[3])

    def get_config(self):
        return super().get_config() | {
            "align_corners": self.align_corners,
            "multiple": self.multiple,
        }
