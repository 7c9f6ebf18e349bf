"""Mix Transformer (MiT) of SegFormer, for images of every size.

The MiT of keras-cv and keras-hub accepts square images of one size only, and keras-cv's
mixes up positions and channels when it reduces keys and values. This implementation has
the same parts and variables, but operates on feature maps instead of sequences.
"""

import keras
from keras import layers, ops

from keras_seg.layers.composite_layer import CompositeLayer

_WIDTHS_B0 = (32, 64, 160, 256)
_WIDTHS = (64, 128, 320, 512)
CONFIGURATIONS = {  # widths and blocks of the stages
    "mit_b0": (_WIDTHS_B0, (2, 2, 2, 2)),
    "mit_b1": (_WIDTHS, (2, 2, 2, 2)),
    "mit_b2": (_WIDTHS, (3, 4, 6, 3)),
    "mit_b3": (_WIDTHS, (3, 4, 18, 3)),
    "mit_b4": (_WIDTHS, (3, 8, 27, 3)),
    "mit_b5": (_WIDTHS, (3, 6, 40, 3)),
}
_HEADS = (1, 2, 5, 8)
_REDUCTIONS = (8, 4, 2, 1)
_DROP_PATH_RATE = 0.1

NAMES = tuple(CONFIGURATIONS)


def mix_transformer(name, input_channels=3):
    """Builds a MiT.

    Args:
        name: str, "mit_b0" to "mit_b5".
        input_channels: int.

    Returns:
        A functional `keras.Model` with the outputs "level2" to "level5".

    References:
        [Xie et al., 2021](https://arxiv.org/abs/2105.15203), section 3.1.
    """
    widths, depths = CONFIGURATIONS[name]
    return build_mix_transformer(widths, depths, input_channels, name)


def build_mix_transformer(widths, depths, input_channels=3, name=None):
    """Builds a MiT with any widths (multiples of 1, 2, 5 and 8) and depths."""
    image = x = keras.Input((None, None, input_channels))
    levels, index = {}, 0
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        x = _patch_embedding(x, width, stage)
        for block in range(depth):
            # The drop path rate increases linearly with depth.
            rate = _DROP_PATH_RATE * index / max(sum(depths) - 1, 1)
            x = _block(
                x, _HEADS[stage], _REDUCTIONS[stage], rate, f"stage{stage}_block{block}"
            )
            index += 1
        x = layers.LayerNormalization(epsilon=1e-6, name=f"stage{stage}_norm")(x)
        levels[f"level{stage + 2}"] = x
    return keras.Model(image, levels, name=name)


def _patch_embedding(x, width, stage):
    """Embeds overlapping patches, padded by half of their size on each side."""
    size, strides = (7, 4) if stage == 0 else (3, 2)
    name = f"stage{stage}_patches"
    x = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
    x = layers.Conv2D(width, size, strides, name=f"{name}_conv")(x)
    return layers.LayerNormalization(epsilon=1e-5, name=f"{name}_norm")(x)


def _block(x, heads, reduction, drop_rate, name):
    width = x.shape[-1]

    def add(x, branch, part):
        branch = layers.Dropout(
            drop_rate, noise_shape=(None, 1, 1, 1), name=f"{name}_{part}_drop"
        )(branch)
        return layers.Add(name=f"{name}_{part}_add")([x, branch])

    y = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_attention_norm")(x)
    y = ReducedAttention(heads, reduction, name=f"{name}_attention")(y)
    x = add(x, y, "attention")
    y = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_mlp_norm")(x)
    y = layers.Dense(4 * width, name=f"{name}_mlp_1")(y)
    y = layers.DepthwiseConv2D(3, padding="same", name=f"{name}_mlp_conv")(y)
    y = layers.Activation("gelu", name=f"{name}_mlp_gelu")(y)
    y = layers.Dense(width, name=f"{name}_mlp_2")(y)
    return add(x, y, "mlp")


def copy_keras_cv_weights(source, network):
    """Copies the weights of keras-cv's MiT, which has the same variables.

    Args:
        source: built `keras_cv.models.MiTBackbone`.
        network: MiT of the same widths and depths.
    """

    def copy(layer, name):
        network.get_layer(name).set_weights(layer.get_weights())

    norms = [
        layer for layer in source.layers if isinstance(layer, layers.LayerNormalization)
    ]
    for stage, depth in enumerate(source.depths):
        patches = source.get_layer(f"patch_and_embed_{stage}")
        copy(patches.proj, f"stage{stage}_patches_conv")
        copy(patches.norm, f"stage{stage}_patches_norm")
        copy(norms[stage], f"stage{stage}_norm")
        for block in range(depth):
            encoder = source.get_layer(f"hierarchical_encoder_{stage}_{block}")
            name = f"stage{stage}_block{block}"
            copy(encoder.norm1, f"{name}_attention_norm")
            copy(encoder.norm2, f"{name}_mlp_norm")
            copy(encoder.mlp.fc1, f"{name}_mlp_1")
            copy(encoder.mlp.dwconv, f"{name}_mlp_conv")
            copy(encoder.mlp.fc2, f"{name}_mlp_2")
            _copy_attention(encoder.attn, network.get_layer(f"{name}_attention"))


def _copy_attention(source, layer):
    denses = [source.q, source.k, source.v, source.proj]
    arrays = [array for dense in denses for array in dense.get_weights()]
    if source.sr_ratio > 1:
        arrays += source.sr.get_weights() + source.norm.get_weights()
    # Keras's attention has a separate axis for the heads.
    layer.set_weights(
        [
            array.reshape(weight.shape)
            for array, weight in zip(arrays, layer.weights, strict=True)
        ]
    )


@keras.saving.register_keras_serializable(package="keras_seg")
class ReducedAttention(CompositeLayer):
    """Self-attention of a feature map with spatially reduced keys and values.

    A strided convolution merges windows of `reduction` times `reduction` positions to
    compute the keys and values. If the size of the map is not a multiple of
    `reduction`, the last windows are padded with zeros.

    Args:
        heads: int. The channels must be a multiple of it.
        reduction: int. 1 for plain self-attention.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        Same as the input.

    Raises:
        ValueError: If the channels are not a multiple of `heads`.

    Example:
        ```python
        ReducedAttention(heads=2, reduction=4)(keras.ops.ones((1, 9, 8, 32)))
        ```

    References:
        [Xie et al., 2021](https://arxiv.org/abs/2105.15203), equation 2.
    """

    def __init__(self, heads, reduction, **kwargs):
        super().__init__(**kwargs)
        self.heads = heads
        self.reduction = reduction

    def build(self, input_shape):
        channels = input_shape[-1]
        if channels % self.heads:
            raise ValueError(
                "The number of channels must be a multiple of `heads`. "
                f"Received: {channels} channels and heads={self.heads}"
            )
        self.attention = layers.MultiHeadAttention(
            self.heads,
            channels // self.heads,
            dtype=self.dtype_policy,
            name="attention",
        )
        sequence = (input_shape[0], None, channels)
        self.attention.build(sequence, sequence)
        if self.reduction > 1:
            self.reduce = layers.Conv2D(
                channels, self.reduction, self.reduction, dtype=self.dtype_policy
            )
            self.reduce.build((None, None, None, channels))
            self.norm = layers.LayerNormalization(epsilon=1e-5, dtype=self.dtype_policy)
            self.norm.build(input_shape)
        self.restore_frozen()

    def call(self, x):
        _, height, width, channels = ops.shape(x)
        queries = ops.reshape(x, (-1, height * width, channels))
        keys = queries
        if self.reduction > 1:
            # Written without negative numbers: ONNX rounds their quotients up.
            missing = [
                (self.reduction - cells % self.reduction) % self.reduction
                for cells in (height, width)
            ]
            padding = [(0, 0), *((0, cells) for cells in missing), (0, 0)]
            x = self.norm(self.reduce(ops.pad(x, padding)))
            _, rows, columns, _ = ops.shape(x)
            keys = ops.reshape(x, (-1, rows * columns, channels))
        attended = self.attention(queries, keys)
        return ops.reshape(attended, (-1, height, width, channels))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {
            "heads": self.heads,
            "reduction": self.reduction,
        }
