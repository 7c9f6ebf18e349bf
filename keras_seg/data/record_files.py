"""TFRecord files whose records are read one by one, in any order."""

import struct

import numpy as np
import tensorflow as tf

from keras_seg.data.storage import open_file

_HEADER, _FOOTER = 12, 4  # bytes: the length with its checksum, and that of the record


def record_places(path):
    """Finds where the records of a TFRecord file begin, by the lengths in it.

    Args:
        path: str or path of an uncompressed TFRecord file.

    Returns:
        int64 array `(num_records, 2)`: offset and length of each record in bytes.

    Raises:
        ValueError: If the file ends within a record.
    """
    places, offset = [], 0
    with open_file(path) as file:
        while header := file.read(_HEADER):
            if len(header) < _HEADER:
                raise ValueError(f"{path} ends within a record, at byte {offset}")
            (length,) = struct.unpack_from("<Q", header)
            places.append((offset + _HEADER, length))
            offset += _HEADER + length + _FOOTER
            file.seek(offset)
    return np.array(places, "int64").reshape(-1, 2)


def read_record(path, offset, length):
    """The bytes of one record."""
    with open_file(path) as file:
        file.seek(int(offset))
        record = file.read(int(length))
    if len(record) != length:
        raise ValueError(f"{path} ends within a record, at byte {offset}")
    return record


def example_of(**files):
    """A record of named bytes: a serialized `tf.train.Example`."""
    features = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[data]))
        for name, data in files.items()
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString()


def bytes_of(record):
    """`{name: bytes}` of a record of `example_of`."""
    features = tf.train.Example.FromString(record).features.feature
    return {name: value.bytes_list.value[0] for name, value in features.items()}
