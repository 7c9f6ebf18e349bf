import dataclasses
import pathlib
import time
import zipfile

import numpy as np
from PIL import Image

from keras_seg.app import pictures
from keras_seg.app.scores import scores
from keras_seg.data import read_image, read_label
from keras_seg.inference import write_label_map

MOST_PIXELS = 5 * 10**7  # largest size of a photograph
_WHOLE = 2**22  # pixels; larger images are predicted in windows
_WINDOW = 1024  # side of a window in pixels
SIDE = 1280  # longer side of a picture on the page in pixels


@dataclasses.dataclass
class Seen:
    """Image and its class map, kept for a tab of the browser.

    Attributes:
        image: uint8 array `(height, width, 3)`, the photograph.
        classes: integer array `(height, width)`, the class map; or masks of independent
            classes, `(height, width, num_classes)`.
        palette: uint8 array `(num_classes, 3)`, RGB.
        class_names: list of str, one for each class.
        labels: integer array `(height, width)`, or None without a label.
        seconds: float, the time of the prediction.
        window: int, the side of the windows; 0 for the whole image.
    """

    image: np.ndarray
    classes: np.ndarray
    palette: np.ndarray
    class_names: list
    labels: np.ndarray
    seconds: float
    window: int

    def small(self):
        """Returns the image and its class map at the size of the page."""
        return pictures.fitted(self.image, self.classes, SIDE)

    def legend(self):
        """Returns `[(text, class), ...]` of the classes that occur, largest first."""
        shares = pictures.shares(self.classes, len(self.class_names))
        order = np.argsort(-shares, kind="stable")
        return [
            (f"{self.class_names[index]}  {shares[index]:.1%}", index)
            for index in order[: np.count_nonzero(shares)].tolist()
        ]

    def painted(self, shown, alpha):
        """Returns the overlay of the classes in `shown` at the size of the page."""
        return pictures.painted(*self.small(), self.palette, shown, alpha)

    def scores(self):
        """Returns `[name, IoU in percent]` for each class; see `scores`."""
        return scores(self.labels, self.classes, self.class_names)

    def errors(self):
        """Returns the picture of the wrong pixels at the size of the page."""
        image, classes = self.small()
        _, labels = pictures.fitted(self.image, self.labels, SIDE)
        return pictures.errors(image, classes, labels)

    def report(self):
        """Returns the text below the picture."""
        height, width = self.classes.shape[:2]
        text = f"{height} x {width} pixels in {self.seconds:.2f} seconds"
        return text + (f", in windows of {self.window} pixels" if self.window else "")

    def write_mask(self, folder):
        """Writes the classes at full size and returns the file's path.

        Those of independent classes are a ZIP file of a black and white PNG for each.
        """
        if self.classes.ndim == 3:
            return self._write_masks(pathlib.Path(folder) / "masks.zip")
        path = pathlib.Path(folder) / "mask.png"
        write_label_map(path, self.classes, self.palette)
        return str(path)

    def _write_masks(self, path):
        with zipfile.ZipFile(path, "w") as archive:
            for index, name in enumerate(self.class_names):
                with archive.open(f"{name}.png", "w") as file:
                    Image.fromarray(self.classes[..., index] == 1).save(file, "PNG")
        return str(path)

    def write_overlay(self, folder, shown, alpha):
        """Writes a PNG file of the overlay at full size and returns its path."""
        path = pathlib.Path(folder) / "overlay.png"
        drawn = pictures.painted(self.image, self.classes, self.palette, shown, alpha)
        Image.fromarray(drawn).save(path, compress_level=1)
        return str(path)


def segment(network, photograph, label=None, window=None, scales=(1.0,), flip=False):
    """Segments a photograph for the page.

    Args:
        network: `Network`.
        photograph: path of an image file in any format that `predict` reads.
        label: path of an image file whose values are the classes, or None.
        window: int, the side of windows in pixels. None or 0: the whole image, or
            windows of 1024 pixels if it has more than 4 million pixels. A network with
            a fixed input size always uses windows of that size.
        scales, flip: see `keras_seg.inference.predictor`.

    Returns:
        `Seen`.

    Raises:
        ValueError: If a file is not an image, is damaged or has more than 50 million
            pixels, if the label has another size than the photograph, if there is a
            label and the classes are independent, or if an option is invalid.
    """
    if not photograph:
        raise ValueError("Choose a photograph first: drop it on the field on the left.")
    image = photograph_of(photograph)
    labels = None
    if label:
        labels = labels_of(label, image.shape[:2], network.independent_classes)
    options = {}
    if window and window < 32:
        raise ValueError(
            f"The window must have sides of 32 pixels or more. Received: {window}"
        )
    is_large = image.shape[0] * image.shape[1] > _WHOLE
    if not window and is_large and _takes_any_size(network.model):
        window = _WINDOW
    if window:
        options["window"] = (int(window), int(window))
    if tuple(scales) != (1.0,):
        options["scales"] = tuple(scales)
    if flip:
        options["flip"] = True
    start = time.perf_counter()
    classes = network.classes(image, **options)
    seconds = time.perf_counter() - start
    return Seen(
        image,
        classes,
        network.palette,
        network.class_names,
        labels,
        seconds,
        int(window or 0),
    )


def _takes_any_size(model):
    return model is not None and not any(model.inputs[0].shape[1:3])


def photograph_of(path):
    """Reads an image file as uint8 `(height, width, 3)`, upright."""
    image = _named(path, read_image, path, max_pixels=MOST_PIXELS)
    return np.clip(np.round(image), 0, 255).astype("uint8")


def labels_of(path, sides, independent_classes=False):
    """Reads the classes of a label file for an image of (height, width)."""
    if independent_classes:
        raise ValueError(
            "A label file has one class for each pixel, but the classes of this model "
            "are independent. Remove the label; `keras-seg evaluate` gives the IoU of "
            "each class on a folder of masks."
        )
    labels = _named(path, read_label, path, max_pixels=MOST_PIXELS)
    if labels.shape != sides:
        raise ValueError(
            f"The label must have the size of the image, {sides[0]} x {sides[1]}. "
            f"Received: {labels.shape[0]} x {labels.shape[1]} pixels"
        )
    return labels


def _named(path, read, *args, **options):
    """Reads a file; errors give its name without the server's folder."""
    try:
        return read(*args, **options)
    except (OSError, ValueError) as error:
        text = str(error).replace(str(path), pathlib.Path(path).name)
        raise ValueError(text) from error
