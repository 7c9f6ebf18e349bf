import tensorflow as tf

from keras_seg.export.buckets import pad_to_bucket
from keras_seg.export.serving_function import ServingFunction
from keras_seg.ops.positions import PADDING


class GuardedFunction(ServingFunction):
    """Serving function that checks its inputs, for servers with untrusted clients.

    Args:
        network: see `ServingFunction`.
        buckets: list of pairs (height, width), or None. Images are padded to the
            smallest that they fit in, and the outputs are cropped.
        max_pixels: int. The largest number of pixels of all images of one call, before
            and after padding.

    Raises:
        tf.errors.InvalidArgumentError: At run time, if images have no pixels, too many
            pixels, or do not fit in any bucket.

    Example:
        `GuardedFunction(network, [(512, 1024)], 4096 * 4096).logits(images)`
    """

    def __init__(self, network, buckets, max_pixels):
        super().__init__(network)
        self.buckets = buckets
        self.max_pixels = max_pixels
        # Traced once for all the signatures that call it.
        specs = [tf.TensorSpec(t.shape, t.dtype) for t in network.inputs]
        self._graph = tf.function(super()._run, input_signature=specs, autograph=False)

    def logits(self, images, positions=None):
        images = self._check(images)
        if self.takes_positions:
            if positions is None:
                positions = self._whole_images(images)
            positions = self._check_positions(positions, tf.shape(images))
        if self.buckets is None:
            return super().logits(images, positions)
        size = tf.shape(images)[1:3]
        images = pad_to_bucket(images, self.buckets, self.max_pixels)
        padded_size = tf.shape(images)[1:3]
        if self.takes_positions:
            extra = [[0, 0], [0, padded_size[0] - size[0]]]
            positions = tf.pad(positions, extra, constant_values=PADDING)
        logits = super().logits(images, positions)
        # The logits of some networks are a multiple of the images' size.
        scale = tf.shape(logits)[1:3] // padded_size
        height, width = tf.unstack(size * scale)
        return logits[:, :height, :width]

    def _run(self, *inputs):
        return (self._graph if tf.inside_function() else super()._run)(*inputs)

    def _check(self, images):
        # TF Serving does not check the ranks of a signature, and convolution kernels
        # crash the whole process if the rank is wrong.
        images = tf.ensure_shape(images, self.network.inputs[0].shape)
        pixels = tf.reduce_prod(tf.shape(images, "int64")[:3])
        bounded = tf.debugging.Assert(
            (pixels > 0) & (pixels <= self.max_pixels),
            [
                f"The images of a request must have between 1 and {self.max_pixels} "
                "pixels together. Received the shape:",
                tf.shape(images),
            ],
        )
        with tf.control_dependencies([bounded]):
            return tf.identity(images)

    def _check_positions(self, positions, images_shape):
        positions = tf.ensure_shape(positions, (None, None))
        same = tf.debugging.Assert(
            tf.reduce_all(tf.shape(positions) == images_shape[:2]),
            [
                "Positions must have the shape (images, height). Received their shape "
                "and that of the images:",
                tf.shape(positions),
                images_shape,
            ],
        )
        with tf.control_dependencies([same]):
            return tf.identity(positions)
