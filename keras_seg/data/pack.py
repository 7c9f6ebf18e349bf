import io
import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from keras_seg.data.dataset import SegmentationDataset
from keras_seg.data.record_files import example_of
from keras_seg.positive_integer import require_positive_integer
from keras_seg.storage.paths import as_path
from keras_seg.storage.replacing import replacing
from keras_seg.typing import PathLike

INDEX = "index.json"


def pack(
    dataset: SegmentationDataset,
    folder: PathLike,
    images_per_shard: int = 256,
    progress: Callable[[int], object] | None = None,
) -> pathlib.Path:
    """Writes a data set as a few large files, for network drives and object stores.

    The folder receives TFRecord files of `images_per_shard` images each, and
    `index.json` with the classes and the position of each record. Images that
    TensorFlow decodes keep the bytes of their files; others become PNGs, or .npy files
    unless they are uint8 with 1 or 3 channels. Labels hold the classes and
    `ignore_class` after all translations of the data set. Packing is lossless:
    `PackedDataset(folder)` has the same images and labels. Other TFRecord readers find
    the features "image" and "label" in each `tf.train.Example`.

    Args:
        dataset: `SegmentationDataset`.
        folder: str or path, also on another file system such as gs://bucket/folder. It
            must not contain a packed data set yet.
        images_per_shard: int.
        progress: function that receives the number of images written so far, or `None`.

    Returns:
        Path of `index.json`, which is written last.

    Raises:
        FileExistsError: If the folder contains an `index.json`.
        OSError: If a file cannot be written. The folder then has no `index.json`.
        ValueError: If `images_per_shard` is not a positive integer.

    Example:
        `pack(Cityscapes("cityscapes"), "gs://bucket/cityscapes-train")`
    """
    images_per_shard = require_positive_integer("images_per_shard", images_per_shard)
    folder = as_path(folder)
    index_path = folder / INDEX
    if index_path.is_file():
        raise FileExistsError(
            f"`folder` must not hold a packed data set. Received: {index_path} exists; "
            "remove it or pass another folder."
        )
    folder.mkdir(parents=True, exist_ok=True)
    shards: list[dict[str, Any]] = []
    for start in range(0, len(dataset), images_per_shard):
        name = f"{len(shards):05d}.tfrecord"
        indices = range(start, min(start + images_per_shard, len(dataset)))
        lengths = []
        with (
            replacing(folder / name) as unfinished,
            tf.io.TFRecordWriter(str(unfinished)) as writer,
        ):
            for index in indices:
                record = _record(dataset, index)
                writer.write(record)
                lengths.append(len(record))
                if progress is not None:
                    progress(index + 1)
        shards.append({"file": name, "record_lengths": lengths})
    content = {
        "class_names": dataset.class_names,
        "palette": dataset.palette.tolist(),
        "ignore_class": dataset.ignore_class,
        "channels": dataset.channels,
        "image_dtype": dataset.image_dtype,
        "independent_classes": dataset.independent_classes,
        "shards": shards,
    }
    with replacing(index_path) as unfinished:
        unfinished.write_text(json.dumps(content))
    return index_path


def _record(dataset, index):
    files = dataset.read_encoded(index)
    if files is None:
        image, label = dataset[index]
        image_file = encode(np.asarray(image))
    else:
        image_file, label = files[0], dataset.read_label(index)
    label = np.asarray(label)
    # The masks of independent classes lie side by side.
    return example_of(image=image_file, label=encode(label.reshape(len(label), -1)))


def encode(array):
    """Returns the bytes of a PNG, or of a .npy file if no 8-bit PNG holds the array."""
    if array.ndim == 3 and array.shape[-1] == 1:
        plane = array[..., 0]
    else:
        plane = array
    small = plane.dtype == np.uint8 or (
        plane.ndim == 2
        and np.issubdtype(plane.dtype, np.integer)
        and plane.min() >= 0
        and plane.max() < 256
    )
    file = io.BytesIO()
    if small and (plane.ndim == 2 or plane.shape[-1] == 3):
        Image.fromarray(plane.astype("uint8")).save(file, "PNG")
    else:
        np.save(file, array)
    return file.getvalue()
