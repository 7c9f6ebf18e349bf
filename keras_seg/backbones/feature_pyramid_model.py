import dataclasses

import keras

from keras_seg.backbones.geometry import Geometry, find_geometry


@keras.saving.register_keras_serializable(package="keras_seg")
class FeaturePyramid(keras.Model):
    """A functional model to levels of features, which knows where they lie.

    Its name begins the paths of its variables. Keras names a variable after the layers
    that it was made in, and those of a nested model are made before it is nested:
    `conv1_conv/kernel`. Optimizers see nothing of a variable but its path, and could
    not tell a backbone from a head. Build the layers within `keras.name_scope(name)`; a
    loaded model does so by itself.

    Args:
        inputs, outputs, name: see `keras.Model`.
    """

    _geometry = None

    @property
    def geometry(self):
        """Strides, channels and alignment of the levels: `Geometry`."""
        if self._geometry is None:
            self._geometry = find_geometry(self)
        return self._geometry

    def get_config(self):
        return super().get_config() | {"geometry": dataclasses.asdict(self.geometry)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        geometry = config.pop("geometry", None)  # files of before lack it
        with keras.name_scope(config["name"]):
            pyramid = super().from_config(config, custom_objects)
        if geometry:
            levels = {name: tuple(x) for name, x in geometry["levels"].items()}
            pyramid._geometry = Geometry(**geometry | {"levels": levels})
        return pyramid
