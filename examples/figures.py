"""Procedurally drawn human figures with keypoints, heat maps and the PCK score.

Points are (y, x) in pixels from the upper left corner of the image: the center of the
first pixel is (0.5, 0.5), and in an image reduced by 2 every coordinate is halved.
"""

import math

import numpy as np
from PIL import Image, ImageDraw

KEYPOINTS = (
    "head",
    "neck",
    "left shoulder",
    "left elbow",
    "left wrist",
    "right shoulder",
    "right elbow",
    "right wrist",
    "left hip",
    "left knee",
    "left ankle",
    "right hip",
    "right knee",
    "right ankle",
)
HEAD, NECK, LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP = 0, 1, 2, 5, 8, 11
ARMS, LEGS = ((2, 3, 4), (5, 6, 7)), ((8, 9, 10), (11, 12, 13))
BONES = (
    (HEAD, NECK),
    *((NECK, first) for first, _, _ in ARMS + LEGS),
    *((a, b) for a, b, _ in ARMS + LEGS),
    *((b, c) for _, b, c in ARMS + LEGS),
)
_FINE = 4  # images are drawn larger by this factor, then reduced, for smooth edges
_SKIN = ((255, 224, 196), (110, 68, 46))  # the lightest and the darkest
_HAIR = ((226, 188, 120), (30, 24, 22))


class Figures:
    """Human figures on cluttered backgrounds, with the positions of their joints.

    Each image shows one figure in a random pose from the front: the left of the body is
    on the right of the image, but arms and legs may cross. Build, size, clothes and
    position vary, and limbs may leave the image. Some shapes in the background look
    like limbs.

    A figure depends only on `seed`, its index and `size`, for given versions of NumPy
    and Pillow.

    Args:
        count: int. Number of figures.
        size: (height, width) of the images in pixels.
        seed: int. Different seeds give different figures.

    Item `i` is a tuple of the image, uint8 `(height, width, 3)`; the keypoints, float
    `(14, 2)` in the order of `KEYPOINTS`; and whether they are within the image, bool
    `(14,)`.

    Example:
        `image, keypoints, visible = Figures(10)[3]`
    """

    def __init__(self, count, size=(128, 96), seed=0):
        self.count = count
        self.size = tuple(size)
        self.seed = seed

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if not 0 <= index < self.count:
            raise IndexError(f"Index {index} is outside 0..{self.count - 1}")
        rng = np.random.default_rng((self.seed, index))
        keypoints, torso = _place(rng, _pose(rng), self.size)
        image = _background(rng, self.size, torso)
        _paint_figure(rng, ImageDraw.Draw(image), keypoints, torso)
        visible = np.all((keypoints >= 0) & (keypoints < self.size), axis=1)
        return _photograph(rng, image), keypoints, visible


def heat_maps(keypoints, visible, size, stride, sigma):
    """Returns a map with a Gaussian around each keypoint.

    Args:
        keypoints: float `(count, 2)`, points in pixels.
        visible: bool `(count,)`. The maps of invisible keypoints are zero.
        size: (height, width) of the image, multiples of `stride`.
        stride: int. Size of a cell of the maps in pixels.
        sigma: float. Standard deviation, in cells.

    Returns:
        float32 `(height / stride, width / stride, count)` in 0..1.
    """
    cells = np.asarray(keypoints) / stride
    rows, columns = (np.arange(length // stride) + 0.5 for length in size)
    down = rows[:, None, None] - cells[:, 0]
    across = columns[None, :, None] - cells[:, 1]
    maps = np.exp(-(down**2 + across**2) / (2 * sigma**2))
    return (maps * visible).astype("float32")


def decode(maps, stride):
    """Returns the points of the maxima of heat maps.

    The point of a maximum is the center of its cell, moved along each axis by a quarter
    of a cell towards the larger of its two neighbors, except at the border.

    Args:
        maps: float `(batch, rows, columns, count)`.
        stride: int. Size of a cell in pixels.

    Returns:
        float `(batch, count, 2)`, points in pixels.
    """
    batch, rows, columns, count = maps.shape
    best = maps.reshape(batch, rows * columns, count).argmax(axis=1)
    cells = np.stack([best // columns, best % columns], axis=-1)
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    row, column = cells[..., 0] + 1, cells[..., 1] + 1
    image, point = np.indices(row.shape)
    down = padded[image, row + 1, column, point] - padded[image, row - 1, column, point]
    across = (
        padded[image, row, column + 1, point] - padded[image, row, column - 1, point]
    )
    return (cells + 0.5 + 0.25 * np.sign(np.stack([down, across], axis=-1))) * stride


def pck(predicted, keypoints, visible, fraction):
    """Returns the share of keypoints found within a fraction of the torso's length.

    The torso extends from the neck to the midpoint of the hips.

    Args:
        predicted: float `(batch, 14, 2)`, predicted points in pixels.
        keypoints: float `(batch, 14, 2)`, true points in pixels.
        visible: bool `(batch, 14)`. Invisible keypoints do not count.
        fraction: float. The largest distance, in torso lengths.

    Returns:
        float in 0..1.
    """
    hips = (keypoints[:, LEFT_HIP] + keypoints[:, RIGHT_HIP]) / 2
    torso = np.linalg.norm(keypoints[:, NECK] - hips, axis=-1)
    distance = np.linalg.norm(predicted - keypoints, axis=-1)
    return float(np.mean((distance <= fraction * torso[:, None])[visible]))


def _pose(rng):
    """Returns keypoints relative to the midpoint of the hips, in torso lengths."""
    points = np.zeros((len(KEYPOINTS), 2))
    points[NECK] = -1, 0
    points[HEAD] = -1 - rng.uniform(0.36, 0.44), rng.normal(0, 0.06)
    shoulders, hips = rng.uniform(0.32, 0.42), rng.uniform(0.17, 0.24)
    arm, leg = rng.uniform(0.52, 0.64), rng.uniform(0.75, 0.9)
    for (shoulder, elbow, wrist), (hip, knee, ankle), outwards in zip(
        ARMS, LEGS, (1, -1), strict=True
    ):
        points[shoulder] = -1 + rng.uniform(0.06, 0.14), outwards * shoulders
        points[hip] = 0, outwards * hips
        upper = rng.uniform(-0.3, 2.6)
        lower = upper + rng.uniform(-1.9, 1.9)
        points[elbow] = points[shoulder] + _limb(rng, arm, upper, outwards)
        points[wrist] = points[elbow] + _limb(rng, arm, lower, outwards)
        upper = rng.uniform(-0.2, 0.8)
        lower = upper + rng.uniform(-1.0, 0.5)
        points[knee] = points[hip] + _limb(rng, leg, upper, outwards)
        points[ankle] = points[knee] + _limb(rng, leg, lower, outwards)
    lean = rng.normal(0, 0.2)
    turn = [[math.cos(lean), -math.sin(lean)], [math.sin(lean), math.cos(lean)]]
    return points @ np.array(turn)


def _limb(rng, length, angle, outwards):
    """Returns a limb at an angle from straight down, randomly shortened by depth."""
    length = length * rng.uniform(0.75, 1)
    return length * np.array([math.cos(angle), outwards * math.sin(angle)])


def _place(rng, points, size):
    """Returns keypoints in pixels near the image center, and the torso's length."""
    torso = size[0] * rng.uniform(0.19, 0.29)
    points = points * torso
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    place = np.array(size) * (0.5 + rng.uniform(-0.1, 0.1, size=2))
    return points - middle + place, torso


def _background(rng, size, torso):
    """Draws soft light, random shapes, and bent bars that look like limbs."""
    height, width = size
    light = rng.integers(0, 256, (4, 3, 3), dtype="uint8")
    large = (width * _FINE, height * _FINE)
    image = Image.fromarray(light).resize(large, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(6, 14)):
        middle = rng.uniform(0, size)
        corners = middle + rng.normal(0, torso / 2, (rng.integers(3, 6), 2))
        _polygon(draw, corners, _any_color(rng))
    for _ in range(rng.integers(3, 7)):
        color = _any_color(rng) if rng.random() < 0.5 else _blend(rng, _SKIN)
        a = rng.uniform(0, size)
        b = a + rng.normal(0, 0.4 * torso, 2)
        c = b + rng.normal(0, 0.4 * torso, 2)
        radius = torso * rng.uniform(0.06, 0.13)
        _bar(draw, a, b, radius, radius, color)
        _bar(draw, b, c, radius, 0.8 * radius, color)
    return image


def _paint_figure(rng, draw, points, torso):
    """Paints legs, trunk, head and arms, each in front of the previous ones."""
    skin, hair = _blend(rng, _SKIN), _blend(rng, _HAIR)
    shirt, trousers, shoes = (_any_color(rng) for _ in range(3))
    sleeve = shirt if rng.random() < 0.6 else skin
    leg = trousers if rng.random() < 0.7 else skin
    thick = torso * rng.uniform(0.85, 1.2)
    for hip, knee, ankle in rng.permutation(LEGS):
        _bar(draw, points[knee], points[ankle], 0.11 * thick, 0.075 * thick, leg)
        foot = points[ankle] + (0.06 * thick, 0)
        _bar(draw, points[ankle], foot, 0.09 * thick, 0.11 * thick, shoes)
        _bar(draw, points[hip], points[knee], 0.15 * thick, 0.11 * thick, trousers)
    _paint_trunk(rng, draw, points, thick, shirt)
    _paint_head(draw, points, torso, skin, hair)
    for shoulder, elbow, wrist in rng.permutation(ARMS):
        _bar(draw, points[elbow], points[wrist], 0.085 * thick, 0.06 * thick, sleeve)
        _bar(draw, points[wrist], points[wrist], 0.085 * thick, 0.085 * thick, skin)
        _bar(draw, points[shoulder], points[elbow], 0.11 * thick, 0.085 * thick, shirt)


def _paint_trunk(rng, draw, points, thick, shirt):
    corners = points[[LEFT_SHOULDER, RIGHT_SHOULDER, RIGHT_HIP, LEFT_HIP]]
    for radius, color in ((0.13, _darker(shirt)), (0.11, shirt)):
        for a, b in zip(corners, np.roll(corners, 1, axis=0), strict=True):
            _line(draw, a, b, radius * thick, radius * thick, color)
        _polygon(draw, corners, color)
    if rng.random() < 0.5:
        stripes = _any_color(rng)
        for down in np.arange(0.15, 1, 0.2):
            a, b = (1 - down) * corners[:2] + down * corners[:1:-1]
            _line(draw, a, b, 0.03 * thick, 0.03 * thick, stripes)


def _paint_head(draw, points, torso, skin, hair):
    head, neck = points[HEAD], points[NECK]
    up = (head - neck) / np.linalg.norm(head - neck)
    side = np.array([-up[1], up[0]])
    _bar(draw, neck, head, 0.1 * torso, 0.1 * torso, skin)
    _bar(draw, head + 0.05 * torso * up, head, 0.25 * torso, 0.22 * torso, hair)
    face = head - 0.06 * torso * up
    _line(draw, face, face, 0.19 * torso, 0.19 * torso, skin)
    for eye in (-0.08, 0.08):
        place = face + torso * (0.04 * up + eye * side)
        _line(draw, place, place, 0.03 * torso, 0.03 * torso, (20, 20, 30))
    a, b = (face - torso * (0.1 * up + x * side) for x in (-0.06, 0.06))
    _line(draw, a, b, 0.015 * torso, 0.015 * torso, (150, 50, 50))


def _bar(draw, a, b, radius_a, radius_b, color):
    """Draws a line with a darker rim, so that it stands out from the background."""
    rim = 0.15 * min(radius_a, radius_b)
    _line(draw, a, b, radius_a + rim, radius_b + rim, _darker(color))
    _line(draw, a, b, radius_a - rim, radius_b - rim, color)


def _line(draw, a, b, radius_a, radius_b, color):
    """Draws a line with round ends of two radii."""
    along = np.subtract(b, a)
    length = np.linalg.norm(along)
    if length > 0:
        side = np.array([-along[1], along[0]]) / length
        edge = side * radius_a, side * radius_b
        _polygon(draw, (a + edge[0], b + edge[1], b - edge[1], a - edge[0]), color)
    for (y, x), radius in ((a, radius_a), (b, radius_b)):
        box = np.array([x - radius, y - radius, x + radius, y + radius])
        draw.ellipse(tuple(box * _FINE - 0.5), fill=color)


def _polygon(draw, corners, color):
    # In Pillow, integer coordinates are the centers of pixels.
    draw.polygon([(x * _FINE - 0.5, y * _FINE - 0.5) for y, x in corners], fill=color)


def _photograph(rng, image):
    """Returns the image at its final size, with random lighting and noise."""
    image = np.asarray(image.reduce(_FINE), "float32")
    image = (image - 128) * rng.uniform(0.6, 1.05) + 128 + rng.uniform(-20, 20)
    image = image + rng.normal(0, rng.uniform(1, 6), image.shape)
    return np.clip(np.round(image), 0, 255).astype("uint8")


def _any_color(rng):
    return tuple(rng.integers(0, 256, 3).tolist())


def _blend(rng, colors):
    light, dark = np.array(colors)
    return tuple((dark + rng.random() * (light - dark)).astype(int).tolist())


def _darker(color):
    return tuple(int(0.6 * channel) for channel in color)
