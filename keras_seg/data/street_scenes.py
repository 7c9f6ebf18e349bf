from collections.abc import Sequence

import numpy as np

from keras_seg.data._street import (
    cars,
    facades,
    figures,
    ground,
    model,
    photograph,
    sky,
)
from keras_seg.data._street.canvas import Canvas
from keras_seg.data._street.dice import Dice
from keras_seg.data._street.layout import lay_out
from keras_seg.data._street.view import View
from keras_seg.data.dataset import SegmentationDataset
from keras_seg.positive_integer import require_positive_integer

COLORS = {  # in the order of the classes
    "sky": (70, 130, 180),
    "building": (70, 70, 70),
    "road": (128, 64, 128),
    "pavement": (244, 35, 232),
    "tree": (107, 142, 35),
    "pole": (153, 153, 153),
    "sign": (220, 220, 0),
    "car": (0, 0, 142),
    "pedestrian": (220, 20, 60),
}
_SMALLEST = 64
_BACKDROP = (
    sky.paint_sky,
    sky.paint_skyline,
    ground.paint_ground,
    facades.paint_blocks,
)
_PAINTERS = {
    model.Tree: figures.paint_tree,
    model.Post: figures.paint_post,
    model.Bin: figures.paint_bin,
    model.Pedestrian: figures.paint_pedestrian,
    model.Car: cars.paint_car,
}


class StreetScenes(SegmentationDataset):
    """Procedurally drawn street scenes, a data set that needs no download.

    Each scene is a street in perspective, planned in meters and seen from a car: road
    and pavements, buildings and hedges on both sides, trees, lamp posts and signs at
    the curbs, vehicles and people, under sun, cloud or dusk. Objects appear at
    realistic heights and shrink with distance. Colors of the classes overlap, so that
    a network must use shape, texture and position. The bonnet of the camera's own car
    and litter bins are ignored pixels.

    A scene depends only on `seed`, its index and `size`, and on the versions of NumPy
    and Pillow. The plan of the street does not depend on `size`: two data sets that
    differ only in size show the same streets.

    Classes: sky, building, road, pavement, tree, pole, sign, car, pedestrian.

    Args:
        num_images: int. Number of scenes.
        size: `(height, width)` in pixels, each 64 or more.
        seed: int, 0 or more. Data sets with different seeds share no scenes.

    Raises:
        ValueError: If an argument is not as above.

    Example:
        ```python
        train, test = StreetScenes(400, seed=0), StreetScenes(50, seed=1)
        image, label = train[0]  # uint8 (96, 128, 3), uint8 (96, 128)
        ```
    """

    def __init__(
        self, num_images: int, size: Sequence[int] = (96, 128), seed: int = 0
    ) -> None:
        super().__init__(tuple(COLORS), list(COLORS.values()), model.VOID)
        num_images = require_positive_integer("num_images", num_images)
        if (
            not isinstance(size, (tuple, list))
            or len(size) != 2
            or not all(isinstance(length, int) for length in size)
            or min(size) < _SMALLEST
        ):
            raise ValueError(
                f"`size` must be (height, width), integers of {_SMALLEST} or more. "
                f"Received: {size=}"
            )
        if not isinstance(seed, int) or seed < 0:
            raise ValueError(f"`seed` must be an integer, 0 or more. Received: {seed=}")
        self.num_images = num_images
        self.size = tuple(size)
        self.seed = seed

    def __len__(self):
        return self.num_images

    def __getitem__(self, index):
        if not 0 <= index < self.num_images:
            raise IndexError(
                f"Index {index} is outside 0..{self.num_images - 1}, the scenes of "
                "this data set"
            )
        dice = Dice((self.seed, index, 0))
        texture_rng = np.random.default_rng((self.seed, index, 1))
        street = lay_out(dice, self.size)
        view = View(street, self.size, texture_rng)
        for paint in _BACKDROP:
            paint(view)
        canvas = Canvas(street.camera, street.light, view.colors, view.label)
        for thing in sorted(street.things, key=lambda thing: -thing.z):
            _PAINTERS[type(thing)](canvas, thing)
        image, label = canvas.arrays()
        if street.bonnet:
            image, label = photograph.add_bonnet(image, label, *street.bonnet)
        image = photograph.expose(image, label, street.light, view.grain, texture_rng)
        return image, label
