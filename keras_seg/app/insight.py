"""Priors, attention, reconstructions and gates of a network for one image."""

import math

import keras
import numpy as np
from PIL import Image

from keras_seg import layers, models
from keras_seg.data import low_resolution, read_image
from keras_seg.visualization import attention_chart, gate_chart, resolution_chart
from keras_seg.visualization.affinity import cell_classes
from keras_seg.visualization.visible import visible

_MOST_PIXELS = 2**20  # largest size of a whole image
_MULTIPLE = 32  # sides are multiples of it, so that cells cover no padding


class Insight:
    """Intermediate outputs of a network that the page can show.

    Args:
        model: functional `keras.Model`, or None for an exported file.

    Attributes:
        kinds: set of the available outputs: "prior" (CPNet), "attention" (HANet),
            "resolution" (DSRL) and "gates" (SPNet). Empty for other networks.

    Example:
        `"prior" in Insight(model).kinds`
    """

    def __init__(self, model):
        self.model = model
        makers = {
            "prior": models.prior_model,
            "attention": lambda model: models.attention_model(_of_images(model)),
            "resolution": models.affinity_model,
            "gates": lambda model: models.gate_model(_of_images(model)),
        }
        self._networks = {}
        for kind, make in makers.items() if model is not None else ():
            try:
                self._networks[kind] = make(model)
            except ValueError:  # the network does not have this output
                continue
        if model is not None and models.network_info(model).independent_classes:
            self._networks.pop("resolution", None)  # its chart has a class for a pixel

    @property
    def kinds(self):
        return set(self._networks)

    def prior(self, image):
        """Returns the context prior for an image.

        Args:
            image: uint8 array `(height, width, 3)`.

        Returns:
            Pair of a float array `(N, N)` and the (rows, columns) of the N cells.
        """
        (size,) = (
            layer.prior_size
            for layer in self.model.layers
            if isinstance(layer, layers.ContextPriorLayer)
        )
        pixels = self._pixels(whole(image, self.model))
        return self._run("prior", pixels), tuple(size)

    def attention(self, image):
        """Returns a matplotlib `Figure` of the attention by height."""
        image = whole(image, self.model)
        return attention_chart(self._run("attention", self._pixels(image)), image)

    def gates(self, image):
        """Returns a matplotlib `Figure` of the gates of strip pooling by stage."""
        image = whole(image, self.model, _MULTIPLE)
        return gate_chart(self._run("gates", self._pixels(image)), image)

    def resolution(self, image, palette=None, class_names=None):
        """Returns a matplotlib `Figure` of the reconstruction and similarities."""
        names = "segmentation", "super_resolution"
        branches = {x: models.inference_model(self.model, output=x) for x in names}
        scale = models.network_info(self.model).scale
        original = whole(image, self.model, scale, scale)
        original = self._pixels(original)
        reduced = low_resolution(original[None].astype("float32"), scale)
        prediction = {
            name: keras.ops.convert_to_numpy(branch(reduced))[0]
            for name, branch in branches.items()
        }
        reduced = keras.ops.convert_to_numpy(reduced)[0]
        features = self._run("resolution", reduced)
        options = {"palette": palette, "class_names": class_names}
        images = visible(reduced), prediction, features, visible(original)
        return resolution_chart(*images, **options)

    def _pixels(self, image):
        """Returns an image with the network's channels."""
        return read_image(image, self.model.inputs[0].shape[-1])

    def _run(self, kind, image):
        """Returns the output of a network for one image, without the batch axis."""
        network = self._networks[kind]
        found = network(np.asarray(image, "float32")[None], training=False)
        return keras.tree.map_structure(
            lambda x: keras.ops.convert_to_numpy(x)[0], found
        )


def row_of(prior, size, point, sides):
    """Returns the row of a prior that belongs to a pixel.

    Args:
        prior: float array `(N, N)`.
        size: (rows, columns) of the N cells.
        point: (y, x), a pixel of the image.
        sides: (height, width) of the image.

    Returns:
        float array `(rows, columns)`.
    """
    y, x = (
        n * cells // side for n, cells, side in zip(point, size, sides, strict=True)
    )
    return prior[y * size[1] + x].reshape(size)


def ideal_row(labels, size, point, ignore_class=255):
    """Returns the row of the ideal prior for a pixel: 1 for the cells of its class.

    Args:
        labels: integer array `(height, width)`.
        size, point: see `row_of`.
        ignore_class: int. The label of ignored pixels.

    Returns:
        float array `(rows, columns)`; all 0 for an ignored pixel.
    """
    classes = cell_classes(labels, size, ignore_class).reshape(size)
    y, x = (
        n * cells // side
        for n, cells, side in zip(point, size, labels.shape, strict=True)
    )
    same = (classes == classes[y, x]) & (classes[y, x] >= 0)
    return same.astype("float32")


def whole(image, model, multiple=1, scale=1):
    """Resizes an image to a network's fixed input size, or to at most a million pixels.

    Args:
        image: uint8 array `(height, width, 3)`.
        model: `keras.Model`.
        multiple: int. The sides are multiples of it if the network takes any size.
        scale: int. Factor by which the result will be reduced for the network.

    Returns:
        uint8 array `(height, width, 3)`.
    """
    height, width = image.shape[:2]
    factor = min(math.sqrt(_MOST_PIXELS / (height * width)), 1)
    sides = [max(round(n * factor / multiple), 1) * multiple for n in (height, width)]
    fixed = model.inputs[0].shape[1:3]
    sides = [side and side * scale or n for side, n in zip(fixed, sides, strict=True)]
    if sides == [height, width]:
        return image
    return np.asarray(Image.fromarray(image).resize(sides[::-1]))


def _of_images(model):
    """Returns the model without a "positions" input, for whole images."""
    return models.inference_model(model)
