"""Random access to the records of TFRecord files."""

import struct

import numpy as np
import tensorflow as tf

from keras_seg.storage.paths import open_file

_HEADER, _FOOTER = (
    12,
    4,
)  # bytes of the length with its checksum, and of the record's checksum


def record_places(path):
    """Finds the positions of the records in a TFRecord file from their lengths.

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
    """Reads the bytes of one record."""
    with open_file(path) as file:
        file.seek(int(offset))
        record = file.read(int(length))
    if len(record) != length:
        raise ValueError(f"{path} ends within a record, at byte {offset}")
    return record


def example_of(**files):
    """Serializes named bytes as a `tf.train.Example` record."""
    features = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[data]))
        for name, data in files.items()
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString()


def bytes_of(record):
    """Returns `{name: bytes}` from a record that `example_of` wrote."""
    features = tf.train.Example.FromString(record).features.feature
    return {name: value.bytes_list.value[0] for name, value in features.items()}
