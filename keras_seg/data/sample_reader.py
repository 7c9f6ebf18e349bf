import numpy as np
import tensorflow as tf


class SampleReader:
    """Reads samples of a data set inside a `tf.data` function.

    TensorFlow decodes the files that it supports (`SegmentationDataset.read_encoded`),
    without the lock of the Python interpreter; Python reads all others.

    Args:
        dataset: `SegmentationDataset`.
        read: function of an index that returns the image, of `dataset.image_dtype`, and
            the label, int32, as arrays, or raises an error that tells what is wrong.
        cache: bool. Whether to keep all samples in memory once they are read.

    Call arguments:
        index: int64 tensor `()`.

    Returns:
        The image, `(height, width, channels)` of `dataset.image_dtype`, and the label,
        `dataset.label_shape(height, width)`, of integers.
    """

    def __init__(self, dataset, read, cache=False):
        self.dataset = dataset
        self.read = read
        self.cache = cache
        self.kept = {}
        largest = max(dataset.ignore_class, dataset.num_labels - 1)
        self.dtypes = dataset.image_dtype, "uint8" if largest < 256 else "int32"

    @tf.autograph.experimental.do_not_convert
    def __call__(self, index):
        table = self.dataset.label_table
        if table is None or self.cache or self.dataset.image_dtype != "uint8":
            return self._by_python(index)
        files = tf.numpy_function(self._files, [index], (tf.string, tf.string))
        return tf.cond(
            tf.strings.length(files[0]) > 0,
            lambda: self._decoded(index, *files, tf.constant(table, tf.int32)),
            lambda: self._by_python(index),
        )

    def _by_python(self, index):
        image, label = tf.numpy_function(self._arrays, [index], self.dtypes)
        image.set_shape((None, None, self.dataset.channels))
        label.set_shape(self.dataset.label_shape(None, None))
        return image, label

    def _decoded(self, index, image_file, label_file, table):
        # The op reads PNGs as well. The accurate method gives the pixels of Pillow.
        image = tf.io.decode_jpeg(image_file, channels=3, dct_method="INTEGER_ACCURATE")
        values = tf.io.decode_png(label_file, channels=1)[..., 0]
        label = tf.gather(table, tf.cast(values, tf.int32))
        same_size = tf.reduce_all(tf.shape(image)[:2] == tf.shape(label))
        # For labels that do not fit, the Python reader raises the error.
        return tf.cond(
            same_size & (tf.reduce_min(label) >= 0),
            lambda: (image, tf.cast(label, self.dtypes[1])),
            lambda: self._by_python(index),
        )

    def _files(self, index):
        try:
            return self.dataset.read_encoded(int(index)) or (b"", b"")
        except OSError:  # the Python reader raises the error
            return b"", b""

    def _arrays(self, index):
        index = int(index)
        if index in self.kept:
            return self.kept[index]
        image, label = self.read(index)
        sample = image, np.asarray(label, self.dtypes[1])
        if self.cache:
            self.kept[index] = sample
        return sample
