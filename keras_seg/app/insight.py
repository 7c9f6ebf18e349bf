"""What a network sees: priors, attention, reconstructions and gates of one image."""

import math

import keras
import numpy as np
from PIL import Image

from keras_seg import layers, models
from keras_seg.data import low_resolution
from keras_seg.visualization import attention_chart, gate_chart, resolution_chart
from keras_seg.visualization.affinity import cell_classes

_MOST_PIXELS = 2**20  # of an image that is looked at whole
_MULTIPLE = 32  # of sides, so that cells cover the image and no padding


class Insight:
    """What there is to see in a network; empty for those without such a part.

    Args:
        model: functional `keras.Model`, or None for an exported file.

    Attributes:
        kinds: set of "prior" (of a CPNet), "attention" (of a HANet), "resolution" (of a
            DSRL) and "gates" (of an SPNet).

    Example: `"prior" in Insight(model).kinds`
    """

    def __init__(self, model):
        self.model = model
        makers = {
            "prior": models.prior_model,
            "attention": lambda model: models.attention_model(_of_images(model)),
            "resolution": models.affinity_model,
            "gates": models.gate_model,
        }
        self._networks = {}
        for kind, make in makers.items() if model is not None else ():
            try:
                self._networks[kind] = make(model)
            except ValueError:  # the network has no such part
                continue

    @property
    def kinds(self):
        return set(self._networks)

    def prior(self, image):
        """The prior of an image.

        Args:
            image: uint8 array `(height, width, 3)`.

        Returns:
            float array `(N, N)`, and the (rows, columns) of the N cells.
        """
        (size,) = (
            layer.prior_size
            for layer in self.model.layers
            if isinstance(layer, layers.ContextPriorLayer)
        )
        return self._run("prior", whole(image, self.model)), tuple(size)

    def attention(self, image):
        """A matplotlib `Figure` of the attention by height."""
        image = whole(image, self.model)
        return attention_chart(self._run("attention", image), image)

    def gates(self, image):
        """A matplotlib `Figure` of the gates of strip pooling by stage."""
        image = whole(image, self.model, _MULTIPLE)
        return gate_chart(self._run("gates", image), image)

    def resolution(self, image, palette=None, class_names=None):
        """A matplotlib `Figure` of the reconstruction and the similarities."""
        names = "segmentation", "super_resolution"
        branches = {x: models.inference_model(self.model, output=x) for x in names}
        scale = _scale(branches["segmentation"])
        original = whole(image, self.model, scale, scale)
        reduced = low_resolution(original[None].astype("float32"), scale)
        prediction = {
            name: keras.ops.convert_to_numpy(branch(reduced))[0]
            for name, branch in branches.items()
        }
        reduced = keras.ops.convert_to_numpy(reduced)[0]
        features = self._run("resolution", reduced)
        options = {"palette": palette, "class_names": class_names}
        return resolution_chart(reduced, prediction, features, original, **options)

    def _run(self, kind, image):
        """What a network gives for one image, without the axis of the batch."""
        network = self._networks[kind]
        found = network(np.asarray(image, "float32")[None], training=False)
        return keras.tree.map_structure(
            lambda x: keras.ops.convert_to_numpy(x)[0], found
        )


def row_of(prior, size, point, sides):
    """The row of a prior that belongs to a pixel.

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
    """The row that the ideal prior has for a pixel: 1 for the cells of its class.

    Args:
        labels: integer array `(height, width)`.
        size, point: of `row_of`.
        ignore_class: int.

    Returns:
        float array `(rows, columns)`, 0 all over for a pixel without a class.
    """
    classes = cell_classes(labels, size, ignore_class).reshape(size)
    y, x = (
        n * cells // side
        for n, cells, side in zip(point, size, labels.shape, strict=True)
    )
    same = (classes == classes[y, x]) & (classes[y, x] >= 0)
    return same.astype("float32")


def whole(image, model, multiple=1, scale=1):
    """An image as a network takes it whole: not too large, or of its one size.

    Args:
        image: uint8 array `(height, width, 3)`.
        model: `keras.Model`.
        multiple: int, of the sides of the result where the network takes any size.
        scale: int, by which the result will be reduced for the network.
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
    """The model without the second input that some have: images are whole ones."""
    return models.inference_model(model)


def _scale(network):
    sides = [side or 64 for side in network.inputs[0].shape[1:3]]
    return network.compute_output_shape((1, *sides, 3))[1] // sides[0]
