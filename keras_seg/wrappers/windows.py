import numbers

import keras
import tensorflow as tf

from keras_seg.ceil_division import ceil_division
from keras_seg.models import network_info
from keras_seg.models.segmentation_network import segmentation_network
from keras_seg.ops import row_positions
from keras_seg.ops.sizes import require_size
from keras_seg.ops.xla import require_tensorflow
from keras_seg.positive_integer import require_positive_integer
from keras_seg.wrappers.network_layer import NetworkLayer


@keras.saving.register_keras_serializable(package="keras_seg")
class SlidingWindow(NetworkLayer):
    """Applies a network to overlapping windows of an image and blends the logits.

    Windows are spaced evenly from edge to edge, with at least the given overlap. An
    image that is smaller than the window in a direction has a single window in that
    direction. Logits are averaged with weights that depend on the position in the
    window. Memory does not grow with the image, except for the logits themselves.

    A network with a fixed input size can be used, with windows of that size. Smaller
    images are padded by repeating their border, and the logits are cropped.

    Args:
        network: a model of `keras_seg.models`, or any functional `keras.Model` from
            images to logits of the images' size, or a whole number of times as large
            (`DSRL`), or to a dict with "segmentation". A network with the input
            "positions" receives the row positions of each window.
        window: pair of ints, rows and columns of a window.
        overlap: float, at least 0 and below 1. The smallest share of a window that
            overlaps its neighbor.
        blending: "gaussian", where the middle of a window counts more than its edges
            (the standard deviation is an eighth of its size), or "mean".
        batch_size: int. Number of windows of each image that are predicted at once.
        **kwargs: Base layer arguments, such as `name`.

    Call arguments:
        images: float tensor `(batch, height, width, channels)` of any size, with the
            values that the network takes.

    Returns:
        Logits `(batch, height, width, classes)`, or larger by the network's scale. With
        a single window, they are the network's own.

    Raises:
        RuntimeError: If Keras does not run on TensorFlow.
        ValueError: If `window` is not a pair of positive integers or differs from the
            network's fixed input size, if another argument is invalid, or if the size
            of the network's logits is not a whole multiple of its images'.

    Example:
        ```python
        model = HANet(11, "resnet18", positions=True)
        logits = SlidingWindow(model, (256, 256))(images)
        ```
    """

    def __init__(
        self,
        network,
        window,
        overlap=1 / 3,
        blending="gaussian",
        batch_size=1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        require_tensorflow("SlidingWindow")
        if not isinstance(overlap, numbers.Real) or not 0 <= overlap < 1:
            raise ValueError(
                f"`overlap` must be at least 0 and below 1. Received: {overlap=}"
            )
        if blending not in ("gaussian", "mean"):
            raise ValueError(
                f'`blending` must be "gaussian" or "mean". Received: {blending=}'
            )
        batch_size = require_positive_integer("batch_size", batch_size)
        if isinstance(network, dict):  # from a saved configuration
            network = keras.saving.deserialize_keras_object(network)
        contents = network_info(network).inputs.values()
        self.has_positions = "positions" in contents
        self.network = segmentation_network(network, positions=self.has_positions)
        self.window = require_size("window", window)
        self.fixed_size = tuple(self.network.inputs[0].shape[1:3])
        if any(
            side not in (None, cells)
            for side, cells in zip(self.fixed_size, self.window, strict=True)
        ):
            raise ValueError(
                "`window` must be the fixed input size of the network, "
                f"{self.fixed_size}. Received: window={self.window}"
            )
        self.overlap = overlap
        self.blending = blending
        self.batch_size = batch_size
        self.scale = network_info(self.network).scale

    def call(self, images):
        batch, height, width, _ = tf.unstack(tf.shape(images))
        # The size that the windows cover.
        covered = [
            size if side is None else tf.maximum(size, side)
            for size, side in zip((height, width), self.fixed_size, strict=True)
        ]
        rows, columns = map(self._windows, covered, self.window)
        # The same windows in the coordinates of the logits.
        out_rows, out_columns = map(self._enlarge, (rows, columns))
        row_weights, column_weights = (
            self._weights(tf.shape(x)[1]) for x in (out_rows, out_columns)
        )
        # Spatial axes first, since windows are gathered and added along them.
        pixels = tf.transpose(images, (1, 2, 0, 3))
        across = tf.shape(columns)[0]
        count = tf.shape(rows)[0] * across

        def add_windows(first, total):
            number = tf.range(first, tf.minimum(first + self.batch_size, count))
            line, place = number // across, number % across
            # Pixels beyond the image repeat its border.
            lines = tf.minimum(tf.gather(rows, line), height - 1)
            places = tf.minimum(tf.gather(columns, place), width - 1)
            indices = _pairs(lines, places)
            seen = tf.transpose(tf.gather_nd(pixels, indices), (0, 3, 1, 2, 4))
            shape = tf.shape(seen)
            # Some networks need to know their fixed size when the graph is built.
            sides = [side or shape[2 + i] for i, side in enumerate(self.fixed_size)]
            seen = tf.reshape(seen, (-1, *sides, images.shape[-1]))
            logits = self._logits(seen, tf.repeat(lines, batch, axis=0), height)
            cells = tf.concat([shape[:2], tf.shape(logits)[1:]], axis=0)
            logits = tf.reshape(logits, cells)
            logits *= row_weights[:, None, None] * column_weights[:, None]
            logits = tf.transpose(logits, (0, 2, 3, 1, 4))
            lines, places = tf.gather(out_rows, line), tf.gather(out_columns, place)
            indices = _pairs(lines, places)
            total = tf.tensor_scatter_nd_add(total, indices, logits)
            return first + self.batch_size, total

        classes = self.network.output_shape[-1]
        height_out, width_out = (self.scale * size for size in covered)
        _, total = tf.while_loop(
            lambda first, total: first < count,
            add_windows,
            (0, tf.zeros((height_out, width_out, batch, classes))),
            parallel_iterations=1,
        )
        total /= _sums(out_rows, row_weights, height_out)[:, None, None, None]
        total /= _sums(out_columns, column_weights, width_out)[:, None, None]
        if any(self.fixed_size):
            total = total[: self.scale * height, : self.scale * width]
        return tf.transpose(total, (2, 0, 1, 3))

    def _enlarge(self, indices):
        """Returns the rows (or columns) of the logits, `(windows, scale * window)`."""
        starts = self.scale * indices[:, :1]
        return starts + tf.range(self.scale * tf.shape(indices)[1])

    def _windows(self, size, window):
        """Returns the rows (or columns) of each window, `(windows, window)`."""
        window = tf.minimum(window, size)
        step = tf.cast(tf.cast(window, "float32") * (1 - self.overlap), "int32")
        gaps = ceil_division(size - window, tf.maximum(step, 1))
        starts = (size - window) * tf.range(gaps + 1) // tf.maximum(gaps, 1)
        return starts[:, None] + tf.range(window)

    def _weights(self, size):
        if self.blending == "mean":
            return tf.ones(size)
        size = tf.cast(size, "float32")
        return tf.exp(-0.5 * ((tf.range(size) - (size - 1) / 2) / (size / 8)) ** 2)

    def _logits(self, images, lines, height):
        if self.has_positions:
            images = [images, row_positions(lines, height)]
        return tf.cast(self.network(images, training=False), "float32")

    def get_config(self):
        return super().get_config() | {
            "window": self.window,
            "overlap": self.overlap,
            "blending": self.blending,
            "batch_size": self.batch_size,
        }


def _pairs(lines, places):
    """Returns pixel indices `(windows, rows, columns, 2)` from rows and columns."""
    lines, places = lines[:, :, None], places[:, None, :]
    return tf.stack([lines + 0 * places, places + 0 * lines], axis=-1)


def _sums(indices, weights, size):
    """Returns the sum of the weights of all windows at each position, `(size,)`."""
    weights = tf.broadcast_to(weights, tf.shape(indices))
    return tf.tensor_scatter_nd_add(tf.zeros(size), indices[..., None], weights)
