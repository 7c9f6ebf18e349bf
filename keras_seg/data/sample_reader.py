import numpy as np
import tensorflow as tf

_FEW = 2  # Selecting this many values takes less time than looking up all of them.


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
            lambda: self._decoded(index, *files, table),
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
        same_size = tf.reduce_all(tf.shape(image)[:2] == tf.shape(values))
        # For labels that do not fit, the Python reader raises the error.
        return tf.cond(
            same_size & _are_known(values, table),
            lambda: (image, tf.cast(_translated(values, table), self.dtypes[1])),
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


def _are_known(values, table):
    """Tells whether a table has a class for all of the values, as a bool tensor."""
    indices = tf.reshape(tf.cast(values, tf.int32), [-1])
    counts = tf.math.bincount(indices, minlength=len(table), maxlength=len(table))
    return tf.reduce_all(tf.gather(counts, np.flatnonzero(table < 0)) == 0)


def _translated(values, table):
    """Maps values, uint8, to those of a table."""
    changed = np.flatnonzero((table >= 0) & (table != np.arange(len(table))))
    if len(changed) > _FEW or table.max() > 255:
        return tf.gather(table, tf.cast(values, tf.int32))
    label = values
    for value in changed:
        label = tf.where(values == value, tf.constant(table[value], tf.uint8), label)
    return label
