import keras


@keras.saving.register_keras_serializable(package="keras_seg")
class FeaturePyramid(keras.Model):
    """A functional model whose name begins the paths of its variables.

    Keras names a variable after the layers that it was made in, and those of a nested
    model are made before it is nested: `conv1_conv/kernel`. Optimizers see nothing of a
    variable but its path, and could not tell a backbone from a head. Build the layers
    within `keras.name_scope(name)`; a loaded model does so by itself.

    Args:
        inputs, outputs, name: see `keras.Model`.
    """

    @classmethod
    def from_config(cls, config, custom_objects=None):
        with keras.name_scope(config["name"]):
            return super().from_config(config, custom_objects)
