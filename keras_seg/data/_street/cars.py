"""Painting of vehicles as solids in perspective."""

import math

from keras_seg.data._street.model import CAR

_GLASS, _TYRE, _HUB = (44, 52, 60), (26, 26, 28), (128, 128, 130)
_TAIL_LIGHT, _BRAKE_LIGHT = (150, 26, 24), (255, 70, 50)
_HEADLIGHT, _BEAM = (206, 208, 204), (255, 255, 240)
_REAR_PLATE, _FRONT_PLATE = (214, 190, 76), (224, 224, 218)

_DETAILED = 14  # minimum width in pixels
_CIRCLE = [
    (math.cos(turn), math.sin(turn)) for turn in (0.2 * math.pi * n for n in range(10))
]


def paint_car(canvas, car):
    """Paints the end of a car that faces the camera and its visible side."""
    solid = _Solid(canvas, car)
    left, right = car.x - car.width / 2, car.x + car.width / 2
    if left > canvas.camera.offset:
        solid.paint_side(-1)
    elif right < canvas.camera.offset:
        solid.paint_side(1)
    solid.paint_end()


class _Solid:
    """A car as its profile extruded over its width.

    The profile begins at the near end, which is the tail or the front: points 2 and 3
    bound the near window, 5 and 6 the far one.
    """

    def __init__(self, canvas, car):
        self.canvas, self.car = canvas, car
        self.length = car.profile[-1][0]
        self.profile = car.profile
        if car.oncoming:
            turned = reversed(car.profile)
            self.profile = tuple((self.length - along, y) for along, y in turned)
        # Details of a few pixels would look like noise.
        self.is_near = canvas.pixels(car.width, car.z) > _DETAILED
        self.belt = self.profile[2][1]
        self.roof = max(y for _, y in self.profile)

    def _place(self, along, y, side):
        """Returns a point of one side in meters; the cabin narrows upwards."""
        narrowing = 0.16 * max(y - self.belt, 0) / (self.roof - self.belt)
        half = self.car.width / 2 * (1 - narrowing)
        return self.car.x + side * half, y, self.car.z + along

    def _fill(self, color, brightness):
        return self.canvas.tone(color, self.car.z, brightness)

    def paint_side(self, side):
        """Paints the left side, -1, or the right side, 1."""
        brightness = self.canvas.light.facing(side)
        paint = self.car.color
        self._on_side(side, self.profile, paint, brightness, CAR)
        near_foot, near_head = self.profile[2][0], self.profile[3][0]
        far_head, far_foot = self.profile[5][0], self.profile[6][0]
        top, bottom = self.roof - 0.1, self.belt + 0.03
        windows = [(near_foot + 0.3, bottom), (near_head + 0.2, top)]
        windows += [(far_head - 0.1, top), (far_foot - 0.35, bottom)]
        self._on_side(side, windows, _GLASS, brightness)
        if self.is_near:
            sill = self.profile[0][1]
            low = _box(0, self.length, sill, sill + 0.2)
            self._on_side(side, low, paint, 0.7 * brightness)
            middle = (near_head + far_head) / 2
            pillar = _box(middle, middle + 0.12, bottom, top)
            self._on_side(side, pillar, paint, 0.8 * brightness)
        radius = min(0.22 * self.roof, 0.48)
        for share in (0.19, 0.81):
            center = share * self.length
            self._on_side(side, _wheel(center, radius, radius), _TYRE, 1.0, CAR)
            if self.is_near:
                self._on_side(side, _wheel(center, radius, 0.55 * radius), _HUB, 1.0)

    def _on_side(self, side, points, color, brightness, kind=None):
        """Paints a shape on one side, in (meters from the near end, y)."""
        corners = [self._place(*point, side) for point in points]
        self.canvas.polygon(corners, self._fill(color, brightness), kind)

    def paint_end(self):
        """Paints the near end: the tail, or the front of an oncoming car."""
        car = self.car
        brightness = self.canvas.light.facing(0)
        low, high = self.profile[0][1], self.profile[1][1]
        half, tall = car.width / 2, high - low
        self._on_end(_box(-half, half, 0.12, low), _TYRE, 0.7, CAR)
        for x in (0.1 - half, half - 0.32):
            self._on_end(_box(x, x + 0.22, 0, 0.4), _TYRE, 0.8, CAR)
        for index, shade in ((0, 0.95), (1, 1.12), (2, 1.05), (3, 1.12), (4, 1.15)):
            # If the camera is below the roof, the near edge hides the rest of it.
            if index < 3 or self.canvas.camera.height > self.roof:
                self._strip(index, car.color, shade * brightness)
        self._near_window(brightness)
        if car.oncoming:
            lamp, plate = (_BEAM if car.lit else _HEADLIGHT), _FRONT_PLATE
        else:
            lamp, plate = (_BRAKE_LIGHT if car.lit else _TAIL_LIGHT), _REAR_PLATE
        bottom, top = low + 0.55 * tall, low + 0.88 * tall
        for x in (-half, half - 0.3):
            self._on_end(_box(x, x + 0.3, bottom, top), lamp, 1.0)
        if not self.is_near:
            return
        bumper = _box(-half, half, low, low + 0.28 * tall)
        self._on_end(bumper, car.color, 0.72 * brightness)
        if car.oncoming:
            grille = _box(0.35 - half, half - 0.35, low + 0.5 * tall, low + 0.8 * tall)
            self._on_end(grille, _TYRE, 1.3)
        self._on_end(_box(-0.26, 0.26, low + 0.24 * tall, low + 0.46 * tall), plate, 1)

    def _on_end(self, points, color, brightness, kind=None):
        """Paints a shape on the near end, in (x from the middle, y)."""
        corners = [(self.car.x + x, y, self.car.z) for x, y in points]
        self.canvas.polygon(corners, self._fill(color, brightness), kind)

    def _strip(self, index, color, brightness):
        """Paints the surface between two points of the profile."""
        first, second = self.profile[index], self.profile[index + 1]
        corners = [self._place(*first, -1), self._place(*first, 1)]
        corners += [self._place(*second, 1), self._place(*second, -1)]
        self.canvas.polygon(corners, self._fill(color, brightness), CAR)

    def _near_window(self, brightness):
        foot, head = self.profile[2], self.profile[3]
        corners = []
        for share, sides in ((0.1, (-1, 1)), (0.88, (1, -1))):
            along = foot[0] + share * (head[0] - foot[0])
            y = foot[1] + share * (head[1] - foot[1])
            for side in sides:
                x, y, z = self._place(along, y, side)
                corners.append((self.car.x + 0.88 * (x - self.car.x), y, z))
        self.canvas.polygon(corners, self._fill(_GLASS, brightness * 1.1))


def _box(left, right, bottom, top):
    return [(left, bottom), (right, bottom), (right, top), (left, top)]


def _wheel(center, height, radius):
    return [(center + radius * u, height + radius * v) for u, v in _CIRCLE]
