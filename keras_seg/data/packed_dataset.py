import io
import json

import numpy as np

from keras_seg.data._pictures import MAX_PIXELS
from keras_seg.data.dataset import SegmentationDataset
from keras_seg.data.encoded_files import is_plain_image, is_plain_label
from keras_seg.data.pack import INDEX
from keras_seg.data.read_image import read_image
from keras_seg.data.read_label import read_label
from keras_seg.data.record_files import bytes_of, read_record
from keras_seg.storage.paths import as_path, read_bytes
from keras_seg.typing import PathLike

_HEADER, _AROUND = 12, 16  # bytes before and around each record of a TFRecord file
_NPY = b"\x93NUMPY"
_ANY_SIZE = 2**62  # checked by `pack`


class PackedDataset(SegmentationDataset):
    """A data set written by `pack` or `keras-seg pack`.

    Records are read one by one as the pipelines need them, from a local disk or another
    file system such as gs://, and decoded by TensorFlow. Only `index.json` stays in
    memory. Like every data set, it is shuffled by image, shared among machines
    (`shard`) and resumed (`first_epoch`) by the pipelines.

    Args:
        folder: str or path of the folder that `pack` wrote.

    Raises:
        FileNotFoundError: If the folder has no `index.json`.
        ValueError: When reading, if a file is damaged.

    Example:
        `train = PackedDataset("gs://bucket/cityscapes-train")`
    """

    def __init__(self, folder: PathLike):
        self.folder = as_path(folder)
        index = self.folder / INDEX
        if not index.is_file():
            raise FileNotFoundError(
                f"`folder` must hold {INDEX}, which `pack` writes last. Received: "
                f"{str(folder)!r}"
            )
        content = json.loads(read_bytes(index))
        self.independent_classes = content.get("independent_classes", False)
        super().__init__(
            content["class_names"],
            np.array(content["palette"], "uint8"),
            content["ignore_class"],
        )
        self.channels = content["channels"]
        self.image_dtype = content["image_dtype"]
        self._places = [
            (shard["file"], int(offset), length)
            for shard in content["shards"]
            for offset, length in zip(
                _offsets(shard["record_lengths"]), shard["record_lengths"], strict=True
            )
        ]
        self.label_table = np.full(256, -1, "int32")
        for value in (*range(min(self.num_classes, 256)), self.ignore_class):
            if value < 256:
                self.label_table[value] = value

    def __len__(self):
        return len(self._places)

    def __getitem__(self, index):
        files = self._read(index)
        image = decode(files["image"], self.channels).astype(self.image_dtype)
        return image, self._label(files)

    def read_label(self, index):
        return self._label(self._read(index))

    def _label(self, files):
        label = decode(files["label"])
        if self.independent_classes:
            return label.reshape(len(label), -1, self.num_classes)
        return label

    def read_encoded(self, index):
        files = self._read(index)
        image, label = files["image"], files["label"]
        plain = is_plain_image(image, MAX_PIXELS) and is_plain_label(label, MAX_PIXELS)
        plain &= self.channels == 3 and not self.independent_classes
        return (image, label) if plain else None

    def _read(self, index):
        file, offset, length = self._places[index]
        return bytes_of(read_record(self.folder / file, offset, length))


def decode(file, channels=None):
    """Decodes the array of an image, or of a label if `channels` is None."""
    if file.startswith(_NPY):
        return np.load(io.BytesIO(file))
    if channels is None:
        return read_label(file, max_pixels=_ANY_SIZE)
    return read_image(file, channels, max_pixels=_ANY_SIZE)


def _offsets(lengths):
    """Returns the offsets of records of given lengths in a TFRecord file."""
    steps = [length + _AROUND for length in lengths[:-1]]
    return np.cumsum([_HEADER, *steps])[: len(lengths)]
