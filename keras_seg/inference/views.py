import keras
import tensorflow as tf

from keras_seg.inference.logits_scale import logits_scale
from keras_seg.models import inference_model
from keras_seg.ops import resize_bilinear
from keras_seg.ops.xla import require_tensorflow

_PROBE = 64  # pixels: where a network takes any size, to ask for that of its logits
_SMALLEST = 1e-30  # a probability, so that its logarithm is finite


@keras.saving.register_keras_serializable(package="keras_seg")
class MultiScale(keras.layers.Layer):
    """A network that sees an image at several scales, and mirrored, and averages.

    The image is resized bilinearly to each scale, the logits back to its own size, and
    the probabilities of all views are averaged. What is returned are the logarithms of
    these: logits whose softmax (or sigmoid, of a single one) is the average. The views
    follow one another, so that memory is that of the largest.

    Args:
        network: a model of `keras_seg.models` or of `sliding_window`, or any functional
            `keras.Model` from images of any size to logits of the images' size, or a
            whole number of times as large (`DSRL`), or to a dict with "segmentation".
            A HANet takes each view for a whole image.
        scales: sequence of floats above 0. 1.0 is the image's own size; sides are
            rounded to whole pixels.
        flip: bool. Whether each scale is seen a second time, mirrored left to right.
        **kwargs: Base layer arguments, such as `name`.

    Call arguments:
        images: float tensor `(batch, height, width, channels)` of any size, what the
            network takes.

    Returns:
        float32 logits `(batch, height, width, classes)`, or as many times larger as the
        network's. With the single scale 1.0 and no flip they are the network's own.

    Raises:
        RuntimeError: If Keras does not run on TensorFlow.
        ValueError: If `scales` has no float above 0 or others too, or if the network
            takes images of one size only.

    Example: `MultiScale(SPNet(11, "resnet18"), scales=(0.75, 1.0, 1.5))(images)`
    """

    def __init__(self, network, scales, flip=True, **kwargs):
        super().__init__(**kwargs)
        require_tensorflow("MultiScale")
        scales = tuple(float(scale) for scale in scales)
        if not scales or min(scales) <= 0:
            raise ValueError(
                f"`scales` must be one float above 0 or more. Received: {scales=}"
            )
        if isinstance(network, dict):  # from a saved configuration
            network = keras.saving.deserialize_keras_object(network)
        self.network = inference_model(network)
        image = self.network.inputs[0].shape
        if None not in image[1:3] and scales != (1.0,):
            raise ValueError(
                "Several scales need a network for images of any size. Received: "
                f"{scales=} and {network.name!r} for images of {image[1:3]}. Give it "
                "to `sliding_window` first."
            )
        probe = [side or _PROBE for side in image[1:3]]
        self.scale = logits_scale(self.network, probe)
        self.scales = scales
        self.flip = flip

    def build(self, input_shape):
        pass  # the network has its variables

    def call(self, images):
        views = [(s, mirrored) for s in self.scales for mirrored in (False, True)]
        if not self.flip:
            views = [view for view in views if not view[1]]
        if views == [(1.0, False)]:
            return tf.cast(self.network(images, training=False), "float32")
        total = self._probabilities(images, *views[0])
        for view in views[1:]:
            with tf.control_dependencies([total]):
                total += self._probabilities(images, *view)
        logs = tf.math.log(tf.maximum(total / len(views), _SMALLEST))
        if self.network.output_shape[-1] == 1:
            return logs[..., 1:] - logs[..., :1]
        return logs

    def _probabilities(self, images, scale, mirrored):
        size = tf.shape(images)[1:3]
        if scale != 1:
            sides = tf.round(scale * tf.cast(size, "float32"))
            sides = tf.maximum(tf.cast(sides, "int32"), 1)
            images = resize_bilinear(images, tf.unstack(sides))
        images = tf.reverse(images, [2]) if mirrored else tf.identity(images)
        logits = tf.cast(self.network(images, training=False), "float32")
        logits = tf.reverse(logits, [2]) if mirrored else logits
        if scale != 1:
            logits = resize_bilinear(logits, tf.unstack(self.scale * size))
        if logits.shape[-1] == 1:  # of two classes, the first with logit 0
            logits = tf.concat([tf.zeros_like(logits), logits], axis=-1)
        return tf.nn.softmax(logits)

    def compute_output_shape(self, input_shape):
        batch, *sizes, _ = input_shape
        sizes = [None if size is None else self.scale * size for size in sizes]
        return batch, *sizes, self.network.output_shape[-1]

    def get_config(self):
        return super().get_config() | {
            "network": keras.saving.serialize_keras_object(self.network),
            "scales": self.scales,
            "flip": self.flip,
        }
