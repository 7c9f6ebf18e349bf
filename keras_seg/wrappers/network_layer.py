import keras


class NetworkLayer(keras.layers.Layer):
    """Base class of layers that predict logits with a network.

    Subclasses set `network`, a functional `keras.Model` from images to logits, and
    `scale`, the size of its logits over that of its images.
    """

    def build(self, input_shape):
        pass  # the network has its own variables

    def compute_output_shape(self, input_shape):
        batch, *sizes, _ = input_shape
        sizes = [None if size is None else self.scale * size for size in sizes]
        return batch, *sizes, self.network.output_shape[-1]

    def get_config(self):
        network = keras.saving.serialize_keras_object(self.network)
        network.pop("compile_config", None)  # its losses may be unknown when loading
        return super().get_config() | {"network": network}
