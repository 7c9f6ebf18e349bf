import keras
from keras import ops

from keras_seg.layers.data_format import require_channels_last
from keras_seg.ops import normalize_features, pool_windows
from keras_seg.positive_integer import require_positive_integer


@keras.saving.register_keras_serializable(package="keras_seg")
class AffinityFeatures(keras.layers.Layer):
    """The features of which `FeatureAffinity` compares the pairs of pixels.

    Features are average pooled, then each pixel's brought to a length of 1, or 0 where
    all are: the similarity of two pixels is their product.

    Args:
        subscale: int. See `FeatureAffinity`.
        **kwargs: Base layer arguments, such as `name` and `dtype`.

    Input shape: `(batch, height, width, channels)`.
    Output shape: `(batch, height // subscale, width // subscale, channels)`, and 1 row
        or column where the map has fewer than `subscale`.
    Example: `AffinityFeatures()(keras.ops.ones((2, 64, 48, 3)))` has shape
        `(2, 8, 6, 3)`.

    Raises:
        ValueError: If `subscale` is not a positive integer.
    """

    def __init__(self, subscale=8, **kwargs):
        super().__init__(**kwargs)
        require_channels_last(self)
        require_positive_integer("subscale", subscale)
        self.subscale = subscale

    def call(self, inputs):
        pooled = pool_windows(inputs, self.subscale)
        return ops.cast(normalize_features(pooled), inputs.dtype)

    def compute_output_shape(self, input_shape):
        batch, *sizes, channels = input_shape
        cells = [None if n is None else max(n // self.subscale, 1) for n in sizes]
        return (batch, *cells, channels)

    def get_config(self):
        return super().get_config() | {"subscale": self.subscale}
