import dataclasses
import pathlib
import time

import numpy as np
from PIL import Image

from keras_seg.app import pictures
from keras_seg.app.scores import scores
from keras_seg.data import read_image, read_label
from keras_seg.inference import write_label_map

MOST_PIXELS = 5 * 10**7  # of a photograph
_WHOLE = 2**22  # pixels, above which an image is seen in windows
_WINDOW = 1024  # pixels, of a side
SIDE = 1280  # pixels of the longer side of a picture on the page


@dataclasses.dataclass
class Seen:
    """An image as a network segmented it, which a tab of the browser keeps.

    Attributes:
        image: uint8 array `(height, width, 3)`, the photograph.
        classes: integer array `(height, width)`.
        palette: uint8 array `(num_classes, 3)`.
        class_names: list of str.
        labels: integer array `(height, width)`, or None without a label.
        seconds: float, the time that the network took.
        window: int or None, the side of the windows.
    """

    image: np.ndarray
    classes: np.ndarray
    palette: np.ndarray
    class_names: list
    labels: np.ndarray
    seconds: float
    window: int

    def small(self):
        """The image and its class map at the size of the page."""
        return pictures.fitted(self.image, self.classes, SIDE)

    def legend(self):
        """The classes that occur, by falling share: `[(text, class), ...]`."""
        shares = pictures.shares(self.classes, len(self.class_names))
        order = np.argsort(-shares, kind="stable")
        return [
            (f"{self.class_names[index]}  {shares[index]:.1%}", index)
            for index in order[: np.count_nonzero(shares)].tolist()
        ]

    def painted(self, shown, alpha):
        """The picture of the page: the overlay of the classes in `shown`."""
        return pictures.painted(*self.small(), self.palette, shown, alpha)

    def scores(self):
        """`[name, IoU in percent]` of each class; see `scores`."""
        return scores(self.labels, self.classes, self.class_names)

    def errors(self):
        """The picture of the pixels that are not of their label's class."""
        image, classes = self.small()
        _, labels = pictures.fitted(self.image, self.labels, SIDE)
        return pictures.errors(image, classes, labels)

    def report(self):
        """What the page says below the picture."""
        height, width = self.classes.shape
        text = f"{height} x {width} pixels in {self.seconds:.2f} seconds"
        return text + (f", in windows of {self.window} pixels" if self.window else "")

    def write(self, folder, shown, alpha):
        """Writes the mask and the overlay at the size of the photograph.

        Returns:
            The paths of both PNG files.
        """
        mask, overlay = (pathlib.Path(folder) / f"{x}.png" for x in ("mask", "overlay"))
        write_label_map(mask, self.classes, self.palette)
        drawn = pictures.painted(self.image, self.classes, self.palette, shown, alpha)
        Image.fromarray(drawn).save(overlay, compress_level=1)
        return str(mask), str(overlay)


def segment(network, photograph, label=None, window=None, scales=(1.0,), flip=False):
    """Segments a photograph for the page.

    Args:
        network: `Network`.
        photograph: path of an image file, of any kind that `predict` reads.
        label: path of an image file whose values are the classes, or None.
        window: int, the side of windows in pixels; None or 0 for the whole image, or
            windows of 1024 pixels where it has more than 4 million pixels.
        scales, flip: of `keras_seg.inference.predictor`.

    Returns:
        `Seen`.

    Raises:
        ValueError: If a file is not an image, is damaged, has more than 50 million
            pixels or another size than its label, or if an option does not fit.
    """
    if not photograph:
        raise ValueError("Choose a photograph first: drop it on the field on the left.")
    image = photograph_of(photograph)
    labels = None if not label else labels_of(label, image.shape[:2])
    options = {}
    if window and window < 32:
        raise ValueError(
            f"A window must have sides of 32 pixels or more. Received: {window}"
        )
    if not window and image.shape[0] * image.shape[1] > _WHOLE and network.model:
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


def photograph_of(path):
    """The pixels of an image file as uint8 `(height, width, 3)`, upright."""
    image = _named(path, read_image, path, max_pixels=MOST_PIXELS)
    return np.clip(np.round(image), 0, 255).astype("uint8")


def labels_of(path, sides):
    """The classes of a label file for an image of (height, width)."""
    labels = _named(path, read_label, path, max_pixels=MOST_PIXELS)
    if labels.shape != sides:
        raise ValueError(
            f"The label must have the size of the image, {sides[0]} x {sides[1]}. "
            f"Received: {labels.shape[0]} x {labels.shape[1]} pixels"
        )
    return labels


def _named(path, read, *args, **options):
    """Reads a file, and calls it in errors by its name, without the server's folder."""
    try:
        return read(*args, **options)
    except (OSError, ValueError) as error:
        text = str(error).replace(str(path), pathlib.Path(path).name)
        raise ValueError(text) from error
