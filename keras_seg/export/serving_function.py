import tensorflow as tf

from keras_seg.inference.class_map import class_map
from keras_seg.inference.probabilities import probabilities
from keras_seg.models import network_info
from keras_seg.ops.positions import row_positions

_ANSWERS = {
    "classes": class_map,
    "probabilities": probabilities,
    "logits": lambda logits, independent_classes: tf.identity(logits),
}
OUTPUTS = tuple(_ANSWERS)


class ServingFunction:
    """Exported form of a network: from raw images to classes, probabilities or logits.

    SavedModel, ONNX and LiteRT exports are all written from it.

    Args:
        network: functional `keras.Model` from images, or from images and "positions",
            to logits.

    Example:
        ```python
        function = ServingFunction(segmentation_network(model))
        function.answer(["classes"], images)["classes"].shape  # (batch, height, width)
        ```
    """

    def __init__(self, network):
        self.network = network
        self.takes_positions = len(network.inputs) > 1
        self.independent_classes = network_info(network).independent_classes

    def logits(self, images, positions=None):
        """Returns the logits of images.

        Args:
            images: tensor `(batch, height, width, channels)` in 0..255, of any numeric
                dtype.
            positions: int32 tensor `(batch, height)`, or None for those of whole
                images.

        Returns:
            float32 tensor `(batch, height, width, classes)`, or a multiple of that
            height and width if the network predicts at a larger size.
        """
        inputs = [tf.cast(images, self.network.inputs[0].dtype)]
        if self.takes_positions:
            if positions is None:
                positions = self._whole_images(images)
            inputs.append(positions)
        return self._run(*inputs)

    def answer(self, outputs, images, positions=None):
        """Returns a dict of tensors for names among `OUTPUTS`."""
        logits = self.logits(images, positions)
        return {
            name: _ANSWERS[name](logits, self.independent_classes) for name in outputs
        }

    def _run(self, *inputs):
        inputs = inputs[0] if len(inputs) == 1 else list(inputs)
        return tf.cast(self.network(inputs, training=False), "float32")

    def _whole_images(self, images):
        batch, height = tf.unstack(tf.shape(images)[:2])
        rows = row_positions(tf.range(height), height)
        return tf.repeat(rows[None], batch, axis=0)
