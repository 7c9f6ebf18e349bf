import dataclasses
import itertools

import keras

from keras_seg._keras_private import layers_within
from keras_seg.backbones.geometry import Geometry, find_geometry


@keras.saving.register_keras_serializable(package="keras_seg")
class FeaturePyramid(keras.Model):
    """Functional model from images to levels of features, with their geometry.

    The paths of its variables begin with its name, so that optimizers, which see only
    the path of a variable, can tell a backbone from a head. Keras builds the variables
    of a nested model before it is nested, with paths such as `conv1_conv/kernel`:
    therefore build the layers within `keras.name_scope(name)`. Loading a saved model
    does this automatically.

    Args:
        inputs, outputs, name: see `keras.Model`.
    """

    _geometry = None

    @property
    def geometry(self):
        """Strides, channels and alignment of the levels, as a `Geometry`."""
        if self._geometry is None:
            self._geometry = find_geometry(self)
        return self._geometry

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        # Not while it is made, because what a file says of its layers counts.
        if name == "trainable" and getattr(self, "built", False):
            # On TensorFlow, Keras skips an equal value, and layers that were copied
            # from a frozen network would stay frozen.
            for layer in layers_within(self):
                if layer is not self:
                    layer.trainable = value

    def get_config(self):
        return super().get_config() | {"geometry": dataclasses.asdict(self.geometry)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        geometry = config.pop("geometry", None)  # older files lack it
        with keras.name_scope(config["name"]):
            pyramid = super().from_config(config, custom_objects)
        frozen = [layer for layer in pyramid.layers if not layer.trainable]
        for inner in itertools.chain(*map(layers_within, frozen)):
            inner.trainable = False  # made anew, so that Keras would train it
        if geometry:
            levels = {name: tuple(x) for name, x in geometry["levels"].items()}
            pyramid._geometry = Geometry(**geometry | {"levels": levels})
        return pyramid
