from typing import Any

import keras
from keras import ops

from keras_seg.layers.batch_normalization import BatchNormalization
from keras_seg.layers.composite_layer import CompositeLayer
from keras_seg.layers.data_format import (
    require_channels_last,
    require_known_channels,
)
from keras_seg.ops import strip_pool


@keras.saving.register_keras_serializable(package="keras_seg")
class StripPooling(CompositeLayer):
    """Strip pooling module: gates a feature map by its rows and columns (SPNet's SPM).

    Averages each row and each column, applies a 3-tap convolution along the strip and a
    batch norm, and adds both at every position. ReLU, a 1x1 convolution and a sigmoid
    turn the sum into a gate that multiplies the input. Every position sees its whole
    row and column, which suits long and thin objects such as poles and lanes.

    The authors' code calls this module `SPBlock`; its `StripPooling` is `MixedPooling`
    here.

    Args:
        return_gate: bool. Whether to return the pair of the output and the gate, whose
            values are in 0..1 and which has the shape of the output.
        bias_initializer: initializer of the bias of the 1x1 convolution. With
            `Constant(3.0)` the gate is nearly open at first, so that a pretrained
            network around the layer keeps its features.
        **kwargs: Base layer arguments, such as `name` and `dtype`.

    Input shape:
        `(batch, height, width, channels)`, with `channels` known.

    Output shape:
        Same as the input.

    Raises:
        ValueError: If Keras is configured for `channels_first`, or if the input does
            not have rank 4 and known channels.

    Example:
        ```python
        x = keras.random.normal((2, 45, 60, 64))
        StripPooling()(x).shape  # (2, 45, 60, 64)
        ```

    References:
        [Hou et al., 2020](https://arxiv.org/abs/2003.13328), section 3.1, equations 1
        to 4; the ReLU and the batch norms follow the released code.
    """

    def __init__(
        self,
        return_gate: bool = False,
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        require_channels_last(self)
        self.return_gate = return_gate
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        channels = input_shape[-1]
        require_known_channels(input_shape)
        policy = self.dtype_policy  # sublayers do not inherit it

        def strip_conv(kernel_size, name):
            return keras.layers.Conv2D(
                channels,
                kernel_size,
                padding="same",
                use_bias=False,
                dtype=policy,
                name=name,
            )

        def batch_norm(name):
            return BatchNormalization(
                momentum=0.9, epsilon=1e-5, dtype=policy, name=name
            )

        self.row_conv = strip_conv((3, 1), "row_conv")
        self.row_norm = batch_norm("row_norm")
        self.column_conv = strip_conv((1, 3), "column_conv")
        self.column_norm = batch_norm("column_norm")
        self.gate_conv = keras.layers.Conv2D(
            channels,
            1,
            activation="sigmoid",
            bias_initializer=self.bias_initializer,
            dtype=policy,
            name="gate_conv",
        )
        batch, height, width, _ = input_shape
        self.row_conv.build((batch, height, 1, channels))
        self.row_norm.build((batch, height, 1, channels))
        self.column_conv.build((batch, 1, width, channels))
        self.column_norm.build((batch, 1, width, channels))
        self.gate_conv.build(input_shape)
        self.restore_frozen()

    def call(self, inputs, training=None):
        rows, columns = strip_pool(inputs)
        rows = self.row_norm(self.row_conv(rows), training=training)
        columns = self.column_norm(self.column_conv(columns), training=training)
        gate = self.gate_conv(ops.relu(rows + columns))
        out = inputs * gate
        return (out, gate) if self.return_gate else out

    def compute_output_shape(self, input_shape):
        return (input_shape, input_shape) if self.return_gate else input_shape

    def get_config(self):
        return super().get_config() | {
            "return_gate": self.return_gate,
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
