import math
import numbers

import keras
import tensorflow as tf

from keras_seg.models import network_info
from keras_seg.models.segmentation_network import segmentation_network
from keras_seg.ops import resize_bilinear
from keras_seg.ops.xla import require_tensorflow
from keras_seg.sequence_argument import require_sequence
from keras_seg.wrappers.network_layer import NetworkLayer

_SMALLEST = 1e-30  # smallest probability, so that logarithms are finite


def require_scales(scales):
    """Returns the scales of images as a tuple of floats.

    Raises:
        ValueError: If they are not one or more positive, finite numbers.
    """
    scales = require_sequence("scales", scales, "positive floats")
    if not scales or not all(
        isinstance(scale, numbers.Real) and 0 < scale < math.inf for scale in scales
    ):
        raise ValueError(
            f"`scales` must be one or more positive floats. Received: {scales=}"
        )
    return tuple(map(float, scales))


@keras.saving.register_keras_serializable(package="keras_seg")
class MultiScale(NetworkLayer):
    """Averages a network's predictions over scales and mirrored images.

    The image is resized bilinearly to each scale, the logits are resized back, and the
    probabilities of all views are averaged. The layer returns their logarithms: logits
    whose softmax (or sigmoid, for a single logit or independent classes) is the
    average. Views are processed one at a time, so that memory is that of the largest.

    Args:
        network: a model of `keras_seg.models` or of `sliding_window`, or any functional
            `keras.Model` from images of any size to logits of the images' size, or a
            whole number of times as large (`DSRL`), or to a dict with "segmentation".
            A HANet treats each view as a whole image.
        scales: sequence of positive floats. 1.0 is the image's own size; sides are
            rounded to whole pixels.
        flip: bool. Whether to predict each scale a second time, mirrored left to right.
        **kwargs: Base layer arguments, such as `name`.

    Call arguments:
        images: float tensor `(batch, height, width, channels)` of any size, with the
            values that the network takes.

    Returns:
        float32 logits `(batch, height, width, classes)`, or larger by the network's
        scale. With the single scale 1.0 and no flip, they are the network's own.

    Raises:
        RuntimeError: If Keras does not run on TensorFlow.
        ValueError: If `scales` is empty or has values that are not positive, or if the
            network has a fixed input size and scales other than 1.0 are given.

    Example:
        `MultiScale(SPNet(11, "resnet18"), scales=(0.75, 1.0, 1.5))(images)`
    """

    def __init__(self, network, scales, flip=True, **kwargs):
        super().__init__(**kwargs)
        require_tensorflow("MultiScale")
        scales = require_scales(scales)
        if isinstance(network, dict):  # from a saved configuration
            network = keras.saving.deserialize_keras_object(network)
        self.network = segmentation_network(network)
        image = self.network.inputs[0].shape
        if None not in image[1:3] and scales != (1.0,):
            raise ValueError(
                "`scales` other than 1.0 need a network for images of any size. "
                f"Received: {scales=} and {network.name!r} for images of {image[1:3]}. "
                "Apply `sliding_window` to it first."
            )
        info = network_info(self.network)
        self.scale = info.scale
        one_logit = self.network.output_shape[-1] == 1
        self.has_sigmoid = one_logit or info.independent_classes
        self.scales = scales
        self.flip = flip

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
        if self.has_sigmoid:
            return logs[..., 1] - logs[..., 0]
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
        if self.has_sigmoid:  # each logit is of two classes, the first with logit 0
            logits = tf.stack([tf.zeros_like(logits), logits], axis=-1)
        return tf.nn.softmax(logits)

    def get_config(self):
        return super().get_config() | {
            "scales": self.scales,
            "flip": self.flip,
        }
