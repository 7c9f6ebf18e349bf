import math
from typing import Any

import keras
from keras import ops

from keras_seg.layers.batch_normalization import BatchNormalization
from keras_seg.layers.composite_layer import CompositeLayer
from keras_seg.layers.data_format import require_channels_last
from keras_seg.ops import (
    adaptive_average_pool,
    adaptive_max_pool,
    coarse_positions,
    resize_bilinear,
    sinusoidal_table,
)
from keras_seg.ops.labels import concrete
from keras_seg.ops.positions import PADDING, jitter_positions
from keras_seg.ops.xla import stop_unless
from keras_seg.positive_integer import require_positive_integer

_POOLS = {"mean": adaptive_average_pool, "max": adaptive_max_pool}
_ENCODINGS = ("sinusoidal", "paper", "learned", None)
_OUT_OF_RANGE = (
    "`positions` must be in 0..127, or 128 for padding. `keras_seg.ops.row_positions` "
    "computes them from rows. Received values in the range "
)


@keras.saving.register_keras_serializable(package="keras_seg")
class HeightDrivenAttention(CompositeLayer):
    """Height-driven attention: weights channels by the height in the image (HANet).

    Pools the rows of a lower feature map to a few coarse rows. Three convolutions along
    the height turn them into a weight in 0..1 for each coarse row and each channel of a
    higher feature map. The weights are interpolated to its rows and multiply it:

        Z = pool(low)                               (coarse_height, C)
        Q1 = ReLU(BN(W1 Z))                         (coarse_height, ceil(C / r))
        Q2 = ReLU(BN(W2 (Q1 + encoding) + b2))      (coarse_height, 2 ceil(C / r))
        A = upsample(sigmoid(W3 Q2 + b3))           (rows of high, channels of high)
        out = A * high

    The encoding tells the layer where a row lies in its image, so that crops are not
    mistaken for whole images. Each weight is in 0..1; they do not sum to 1, because a
    row may contain many classes.

    Args:
        reduction_ratio: int. `r` above.
        kernel_size: odd int. Taps of the second and third convolution; with 1, each
            coarse row sees only itself. The second convolution has at most 3.
        coarse_height: int. The number of coarse rows.
        pooling: "mean" or "max". Adaptive pooling to `(coarse_height, 1)`, whose bins
            may overlap.
        position_encoding: "sinusoidal" for the released table, which is 1 plus a sine
            or cosine of base 100, or of base 10 for more than 50 channels; "paper" for
            base 100 without the 1; "learned" for a table that starts at 0; or None.
        position_injection: 1 or 2. Adds the encoding before the first or the second
            convolution.
        dropout_rate: float. The rate at which channels of the pooled map are dropped in
            training.
        position_noise: float. The standard deviation, in coarse rows, of the normal
            noise that is added to positions in training; it is rounded and clipped to
            -2..2. The release uses 0.5, or 0.3 with MobileNetV2.
        return_attention: bool. Whether to return the pair of the output and the
            attention.
        second_kernel_size: 1, 3 or None. The number of taps of the second convolution;
            None uses the smaller of `kernel_size` and 3. The released module has 3 taps
            even if `kernel_size` is 1; `load_torch_weights` sets this accordingly.
        bias_initializer: initializer of `b3`. With `Constant(3.0)` the weights are
            close to 1 at first, so that a trained network keeps its features.
        **kwargs: Base layer arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: pair `[low, high]` of float tensors `(batch, h, w, C)` and `(batch, H,
            W, K)` of any sizes, with known channels.
        positions: integer tensor `(batch, image height)`, or None. The position of each
            image row in the uncropped image, on a scale of 0..127 (see
            `keras_seg.ops.row_positions`), and 128 for padding. None stands for a whole
            image, in which coarse row `i` has position `i`.
        training: bool. Whether to apply dropout and noise and to use batch statistics.

    Returns:
        `high * attention`, `(batch, H, W, K)`; with `return_attention` also the
        attention `(batch, H, 1, K)`.

    Raises:
        ValueError: If an argument is not one of the values above, if the inputs are not
            two tensors of rank 4 with known channels, if `positions` is not an integer
            tensor of rank 2, if a position is outside 0..128 (in graphs, only in
            training), or if Keras is configured for `channels_first`.

    Example:
        ```python
        low, high = keras.ops.ones((2, 24, 32, 256)), keras.ops.ones((2, 12, 16, 512))
        HeightDrivenAttention(reduction_ratio=16)([low, high]).shape  # (2, 12, 16, 512)
        ```

    References:
        [Choi et al., 2020](https://arxiv.org/abs/2003.05128), section 3.1; dropout,
        biases and the encoding's table follow the released code.
    """

    def __init__(
        self,
        reduction_ratio: int = 64,
        kernel_size: int = 3,
        coarse_height: int = 16,
        pooling: str = "mean",
        position_encoding: str | None = "sinusoidal",
        position_injection: int = 2,
        dropout_rate: float = 0.1,
        position_noise: float = 0.0,
        return_attention: bool = False,
        second_kernel_size: int | None = None,
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        require_channels_last(self)
        self.input_spec = [keras.layers.InputSpec(ndim=4)] * 2
        reduction_ratio = require_positive_integer("reduction_ratio", reduction_ratio)
        kernel_size = require_positive_integer("kernel_size", kernel_size)
        coarse_height = require_positive_integer("coarse_height", coarse_height)
        _require("kernel_size", kernel_size % 2 == 1, "odd", kernel_size)
        _require("pooling", pooling in _POOLS, '"mean" or "max"', pooling)
        _require(
            "position_encoding",
            position_encoding in _ENCODINGS,
            '"sinusoidal", "paper", "learned" or None',
            position_encoding,
        )
        _require(
            "position_injection",
            position_injection in (1, 2),
            "1 or 2",
            position_injection,
        )
        _require("position_noise", position_noise >= 0, "0 or more", position_noise)
        _require(
            "second_kernel_size",
            second_kernel_size in (None, 1, 3),
            "1, 3 or None",
            second_kernel_size,
        )
        self.reduction_ratio = reduction_ratio
        self.kernel_size = kernel_size
        self.coarse_height = coarse_height
        self.pooling = pooling
        self.position_encoding = position_encoding
        self.position_injection = position_injection
        self.dropout_rate = dropout_rate
        self.position_noise = position_noise
        self.return_attention = return_attention
        self.second_kernel_size = second_kernel_size
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape):
        (batch, *_, low), (*_, high) = input_shape
        if low is None or high is None:
            raise ValueError(
                "The channels of both inputs must be known. "
                f"Received: low {input_shape[0]}, high {input_shape[1]}"
            )
        policy = self.dtype_policy  # sublayers do not inherit it
        reduced = math.ceil(low / self.reduction_ratio)

        def conv(filters, taps, use_bias, name, bias_initializer="zeros"):
            return keras.layers.Conv1D(
                filters,
                taps,
                padding="same",
                use_bias=use_bias,
                kernel_initializer="he_normal",
                bias_initializer=bias_initializer,
                dtype=policy,
                name=name,
            )

        def batch_norm(name):
            return BatchNormalization(
                momentum=0.9, epsilon=1e-5, dtype=policy, name=name
            )

        self.dropout = keras.layers.SpatialDropout1D(self.dropout_rate, dtype=policy)
        self.first_conv = conv(reduced, 1, False, "first_conv")
        self.first_norm = batch_norm("first_norm")
        # The kernel always has the 3 taps of the release, so that released weights
        # fit; `_second` skips the outer two if the layer uses a single tap.
        self.second_conv = conv(2 * reduced, 3, True, "second_conv")
        self.second_norm = batch_norm("second_norm")
        self.third_conv = conv(
            high, self.kernel_size, True, "third_conv", self.bias_initializer
        )

        self.first_conv.build((batch, self.coarse_height, low))
        self.first_norm.build((batch, self.coarse_height, reduced))
        self.second_conv.build((batch, self.coarse_height, reduced))
        self.second_norm.build((batch, self.coarse_height, 2 * reduced))
        self.third_conv.build((batch, self.coarse_height, 2 * reduced))
        self._build_table(low if self.position_injection == 1 else reduced)
        self.restore_frozen()

    def _build_table(self, channels):
        """Creates the encoding of each position, and one more for padding."""
        num_positions = self.coarse_height + 1
        if self.position_encoding == "learned":
            self.table = self.add_weight(
                shape=(num_positions, channels),
                initializer="zeros",
                name="position_table",
            )
        elif self.position_encoding == "paper":
            self.table = sinusoidal_table(num_positions, channels, base=100)
        elif self.position_encoding == "sinusoidal":
            base = 10 if channels > 50 else 100
            self.table = sinusoidal_table(num_positions, channels, base, offset=1)

    def call(self, inputs, positions=None, training=None):
        low, high = inputs
        x = _POOLS[self.pooling](low, (self.coarse_height, 1))[:, :, 0]
        encoding = self._encode(low, positions, training)
        if encoding is not None and self.position_injection == 1:
            x = x + encoding
        x = self.dropout(x, training=training)
        x = ops.relu(self.first_norm(self.first_conv(x), training=training))
        if encoding is not None and self.position_injection == 2:
            x = x + encoding
        x = ops.relu(self.second_norm(self._second(x), training=training))
        x = ops.sigmoid(self.third_conv(x))
        attention = resize_bilinear(x[:, :, None], (ops.shape(high)[1], 1))
        out = high * attention
        return (out, attention) if self.return_attention else out

    def _second(self, x):
        if (self.second_kernel_size or self.kernel_size) > 1:
            return self.second_conv(x)
        center = self.second_conv.kernel[1]
        return ops.matmul(x, center) + self.second_conv.bias

    def _encode(self, low, positions, training):
        """Returns the encoding `(batch or 1, coarse_height, channels)`, or None."""
        if self.position_encoding is None:
            return None
        if positions is None:
            coarse = ops.arange(self.coarse_height, dtype="int32")[None]
        else:
            positions = ops.convert_to_tensor(positions)
            self._check_positions(positions, training)
            coarse = coarse_positions(positions, self.coarse_height)
        if training and self.position_noise:
            coarse = ops.broadcast_to(coarse, (ops.shape(low)[0], self.coarse_height))
            noise = keras.random.normal(
                ops.shape(coarse), stddev=self.position_noise, seed=self.seed_generator
            )
            coarse = jitter_positions(coarse, noise, self.coarse_height)
        table = ops.convert_to_tensor(self.table, dtype=self.compute_dtype)
        return ops.take(table, coarse, axis=0)

    def _check_positions(self, positions, training):
        dtype = keras.backend.standardize_dtype(positions.dtype)
        if len(positions.shape) != 2 or "int" not in dtype:
            raise ValueError(
                "`positions` must be an integer tensor (batch, image height) with the "
                "position of each image row in 0..127, or 128 for padding. "
                f"Received: {dtype} {tuple(positions.shape)}"
            )
        # Not in graphs for inference, because converters do not support assertions.
        bounds = ops.stack([ops.min(positions), ops.max(positions)])
        valid = ops.logical_and(bounds[0] >= 0, bounds[1] <= PADDING)
        found = concrete(valid)
        if found is None and training:
            stop_unless(valid, _OUT_OF_RANGE, bounds)
        elif found is not None and not found:
            raise ValueError(f"{_OUT_OF_RANGE}{concrete(bounds).tolist()}")

    def compute_output_shape(self, input_shape):
        low, high = input_shape
        attention = (high[0], high[1], 1, high[3])
        return (tuple(high), attention) if self.return_attention else tuple(high)

    def get_config(self):
        return super().get_config() | {
            "reduction_ratio": self.reduction_ratio,
            "kernel_size": self.kernel_size,
            "coarse_height": self.coarse_height,
            "pooling": self.pooling,
            "position_encoding": self.position_encoding,
            "position_injection": self.position_injection,
            "dropout_rate": self.dropout_rate,
            "position_noise": self.position_noise,
            "return_attention": self.return_attention,
            "second_kernel_size": self.second_kernel_size,
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }


def _require(name, holds, expected, value):
    if not holds:
        raise ValueError(f"`{name}` must be {expected}. Received: {name}={value!r}")
