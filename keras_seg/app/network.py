import threading

from keras_seg.data import default_palette


class Network:
    """A trained model of any form, as the page asks it: one image at a time.

    `open_network` makes one from a file. Requests of several threads wait for each
    other, so that the memory is that of one image.

    Args:
        name: str, under which the page offers it.
        predict: function `(image, **options) -> class map`, from uint8 `(height, width,
            3)` to integers `(height, width)`; `options` are those of `predictor`.
        num_classes: int.
        class_names: sequence of str, one for each class, or None for numbers.
        palette: uint8 array `(num_classes, 3)`, RGB, or None for `default_palette`.
        model: the `keras.Model`, for what it sees inside; None for exported files.

    Raises:
        ValueError: If there is not a name and a colour for each class.

    Example: `Network("sky", lambda image: np.zeros(image.shape[:2], int), 2)`
    """

    def __init__(
        self, name, predict, num_classes, class_names=None, palette=None, model=None
    ):
        if class_names is None:
            class_names = [f"class {index}" for index in range(num_classes)]
        if palette is None:
            palette = default_palette(num_classes)
        if len(class_names) != num_classes or len(palette) != num_classes:
            raise ValueError(
                "The classes must have a name and a colour for each class of the "
                f"model {name!r}. Received: {len(class_names)} names and "
                f"{len(palette)} colours for {num_classes} classes"
            )
        self.name = name
        self.num_classes = num_classes
        self.class_names = [str(class_name) for class_name in class_names]
        self.palette = palette
        self.model = model
        self._predict = predict
        self._lock = threading.Lock()

    def classes(self, image, **options):
        """Returns the class map of an image.

        Args:
            image: uint8 array `(height, width, 3)`, RGB.
            **options: of `keras_seg.inference.predictor`.

        Returns:
            Integer array `(height, width)`.
        """
        with self._lock:
            return self._predict(image, **options)
