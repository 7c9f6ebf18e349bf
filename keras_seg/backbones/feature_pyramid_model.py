import dataclasses

import keras

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

    def get_config(self):
        return super().get_config() | {"geometry": dataclasses.asdict(self.geometry)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        geometry = config.pop("geometry", None)  # older files lack it
        with keras.name_scope(config["name"]):
            pyramid = super().from_config(config, custom_objects)
        if geometry:
            levels = {name: tuple(x) for name, x in geometry["levels"].items()}
            pyramid._geometry = Geometry(**geometry | {"levels": levels})
        return pyramid
