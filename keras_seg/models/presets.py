"""Records of the trained networks that come with the package."""

import dataclasses
import json
import pathlib

FOLDER = pathlib.Path(__file__).parent / "_presets"


@dataclasses.dataclass(frozen=True)
class Preset:
    """A trained network that comes with the package.

    Attributes:
        name: str. Name of the preset for `from_preset` and the commands.
        network: str. Name of a function of `keras_seg.models`.
        arguments: dict. Keyword arguments of that function.
        data: str. Description of the training data.
        class_names: tuple of str, one for each class.
        palette: tuple of (red, green, blue), one for each class, in 0..255.
        image_size: (height, width) in pixels of the images it was validated on.
        parameters: int. Number of weights of the network for inference.
        val_mean_iou: float. mIoU at a single scale on the validation split, in percent.
        license: str. Terms of use of the training images.
        sha256: str. Checksum of the weights file.

    Example:
        ```python
        preset = presets()["hanet_b1_camvid"]
        preset.class_names[0], preset.image_size  # ("sky", (360, 480))
        ```
    """

    name: str
    network: str
    arguments: dict
    data: str
    class_names: tuple
    palette: tuple
    image_size: tuple
    parameters: int
    val_mean_iou: float
    license: str
    sha256: str

    @property
    def path(self):
        """Path of the weights file, which Keras's `load_weights` can read."""
        return FOLDER / f"{self.name}.weights.h5"


def presets() -> dict[str, Preset]:
    """Returns the trained networks that come with the package.

    Returns:
        dict `{name: Preset}`. A `Preset` has the attributes `name`, `network`,
        `arguments`, `data`, `class_names`, `palette`, `image_size`, `parameters`,
        `val_mean_iou` (percent), `license`, `sha256` and `path`.

    Example:
        ```python
        for name, preset in keras_seg.models.presets().items():
            print(name, preset.data, preset.val_mean_iou)
        ```
    """
    records = json.loads((FOLDER / "presets.json").read_text(encoding="utf-8"))
    return {record["name"]: Preset(**_frozen(record)) for record in records}


def _frozen(record):
    """Returns a record with tuples instead of JSON's lists, except in `arguments`."""
    return {
        key: _as_tuple(value) if isinstance(value, list) else value
        for key, value in record.items()
    }


def _as_tuple(value):
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value
