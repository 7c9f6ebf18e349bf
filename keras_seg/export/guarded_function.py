import tensorflow as tf

from keras_seg.export.buckets import pad_to_bucket
from keras_seg.ops.positions import PADDING, row_positions


class Prediction:
    """A network as a server runs it: checked images to logits.

    Args:
        network: functional `keras.Model` from images, or from images and "positions",
            to logits.
        buckets: list of pairs (height, width) that images are padded to, whose answer
            is cropped again; or None.
        max_pixels: int. Pixels that the images of one call may have together.

    Input: images `(batch, height, width, channels)` in 0..255, of any number type; and
    positions int32 `(batch, height)`, which are by default those of whole images.

    Output: float32 logits `(batch, height, width, classes)`, or a multiple of that
    height and width where the network predicts at a larger size.

    Raises:
        tf.errors.InvalidArgumentError: When it runs: if there are no pixels, too many,
            or more than the largest bucket has.

    Example: `Prediction(network, [(512, 1024)], 4096 * 4096)(images)`
    """

    def __init__(self, network, buckets, max_pixels):
        self.network = network
        self.buckets = buckets
        self.max_pixels = max_pixels
        # Within a graph: once, for all the signatures that call it.
        specs = [tf.TensorSpec(t.shape, t.dtype) for t in network.inputs]
        self._graph = tf.function(self._run, input_signature=specs, autograph=False)

    def _run(self, *inputs):
        inputs = inputs[0] if len(inputs) == 1 else list(inputs)
        return tf.cast(self.network(inputs, training=False), "float32")

    def __call__(self, images, positions=None):
        images = self._check(images)
        images_shape = tf.shape(images)
        size = images_shape[1:3]
        if self.buckets is not None:
            images = pad_to_bucket(images, self.buckets)
        padded_size = tf.shape(images)[1:3]
        inputs = [tf.cast(images, "float32")]
        if len(self.network.inputs) > 1:
            if positions is None:
                rows = row_positions(tf.range(size[0]), size[0])
                positions = tf.repeat(rows[None], images_shape[0], axis=0)
            positions = self._check_positions(positions, images_shape)
            extra = [[0, 0], [0, padded_size[0] - size[0]]]
            inputs.append(tf.pad(positions, extra, constant_values=PADDING))
        logits = (self._graph if tf.inside_function() else self._run)(*inputs)
        if self.buckets is not None:
            # Some networks predict at a multiple of the images' size.
            scale = tf.shape(logits)[1:3] // padded_size
            height, width = tf.unstack(size * scale)
            logits = logits[:, :height, :width]
        return logits

    def _check(self, images):
        # TF Serving does not look at the ranks that a signature states, and kernels of
        # convolutions end the whole process where they get another one.
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
