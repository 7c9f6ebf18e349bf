from typing import Any

import keras
from keras import ops

from keras_seg.layers.data_format import require_channels_last
from keras_seg.ops import normalize_features, pool_windows
from keras_seg.positive_integer import require_positive_integer


@keras.saving.register_keras_serializable(package="keras_seg")
class AffinityFeatures(keras.layers.Layer):
    """Unit-length features, as `FeatureAffinity` compares them.

    Averages features over windows and divides each cell's by their length, so that the
    product of two cells is their cosine similarity. A cell of zeros stays zero.

    Args:
        subscale: int. See `FeatureAffinity`.
        **kwargs: Base layer arguments, such as `name` and `dtype`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, height // subscale, width // subscale, channels)`; a side that is
        shorter than `subscale` is pooled to 1.

    Raises:
        ValueError: If `subscale` is not a positive integer, or if the input does not
            have rank 4.

    Example:
        `AffinityFeatures()(keras.ops.ones((2, 64, 48, 3)))` has shape `(2, 8, 6, 3)`.
    """

    def __init__(self, subscale: int = 8, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        require_channels_last(self)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        self.subscale = require_positive_integer("subscale", subscale)

    def call(self, inputs):
        pooled = pool_windows(inputs, self.subscale)
        return ops.cast(normalize_features(pooled), inputs.dtype)

    def compute_output_shape(self, input_shape):
        batch, *sizes, channels = input_shape
        cells = [None if n is None else max(n // self.subscale, 1) for n in sizes]
        return (batch, *cells, channels)

    def get_config(self):
        return super().get_config() | {"subscale": self.subscale}
