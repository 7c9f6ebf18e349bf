"""Random placement of trees, posts, vehicles and people on a street."""

import math

from keras_seg.data._street import model
from keras_seg.data._street.colors import (
    CLOTHES,
    HAIRS,
    LEAVES,
    METAL,
    PAINTS,
    SKINS,
    WOOD,
)

_SIGNS = (  # shape, color, color of the rim
    ("disc", (232, 232, 228), (190, 34, 34)),
    ("disc", (36, 72, 150), (226, 226, 226)),
    ("triangle", (232, 232, 228), (190, 34, 34)),
    ("board", (36, 72, 150), (226, 226, 226)),
    ("board", (222, 190, 50), (40, 40, 40)),
    ("board", (228, 228, 222), (60, 60, 60)),
    ("board", (40, 96, 64), (220, 220, 220)),
    ("disc", (128, 128, 126), (110, 110, 110)),  # seen from behind
    ("lights", (26, 28, 28), (26, 28, 28)),
)

# Side views of vehicles, from the lower edge of the tail over the roof to that of the
# front, as shares of length and height. Points 2 and 3 bound the rear window, 5 and 6
# the windscreen.
_PROFILES = {
    "hatchback": (
        ((0, 0.19), (0.01, 0.58), (0.06, 0.66), (0.17, 0.96), (0.28, 1), (0.50, 1))
        + ((0.72, 0.66), (0.97, 0.55), (1, 0.2))
    ),
    "saloon": (
        ((0, 0.2), (0.01, 0.6), (0.14, 0.67), (0.30, 0.97), (0.38, 1), (0.53, 1))
        + ((0.72, 0.67), (0.98, 0.54), (1, 0.2))
    ),
    "estate": (
        ((0, 0.22), (0, 0.56), (0.02, 0.6), (0.08, 0.96), (0.14, 1), (0.58, 1))
        + ((0.76, 0.62), (0.98, 0.54), (1, 0.2))
    ),
    "van": (
        ((0, 0.14), (0, 0.5), (0, 0.54), (0.02, 0.94), (0.05, 1), (0.70, 1))
        + ((0.86, 0.58), (0.99, 0.42), (1, 0.14))
    ),
}
_VEHICLES = (  # profile, length, width, height
    ("hatchback", 3.9, 1.72, 1.47),
    ("hatchback", 3.6, 1.66, 1.5),
    ("saloon", 4.5, 1.78, 1.43),
    ("saloon", 4.7, 1.82, 1.42),
    ("estate", 4.5, 1.8, 1.5),
    ("estate", 4.6, 1.9, 1.75),
    ("van", 5.2, 2.0, 2.3),
)
_FAR = 60  # distance in meters beyond which nothing is placed


def place_things(dice, ground, own_side, light):
    """Returns trees, posts, bins, vehicles and people on a street's ground.

    Args:
        dice: `Dice` for the draws.
        ground: `Ground`.
        own_side: -1 or 1. The side of the road on which the camera drives.
        light: `Light`.
    """
    return [
        *_line_curb(dice, ground, -1),
        *_line_curb(dice, ground, 1),
        *_place_cars(dice, ground, -1, own_side, light),
        *_place_cars(dice, ground, 1, own_side, light),
        *_walk(dice, ground),
    ]


def _line_curb(dice, ground, side):
    """Returns the trees, posts and bins along one curb."""
    curb = ground.left if side < 0 else ground.right
    leafy = dice.chance(0.55)
    bare = dice.chance(0.3)
    spacing = dice.uniform(5, 12)
    leaves, metal = dice.color(LEAVES, 16), dice.color(METAL, 13)
    lamp_height = dice.uniform(4.5, 9)
    z = dice.uniform(5, 12)
    while z < _FAR:
        x = curb + side * dice.uniform(0.35, 0.75)
        chance = dice.uniform(0, 1)
        if _opens(ground, side, z):
            pass
        elif leafy and chance < 0.55:
            yield _grow_tree(dice, x + side * 0.4, z, (leaves,), bare)
        elif chance < 0.1:
            yield _grow_tree(dice, x + side * 0.4, z, LEAVES, dice.chance(0.3))
        elif chance < 0.7:
            yield _raise_post(dice, x, z, side, lamp_height, metal)
        elif chance < 0.78:
            size = dice.uniform(0.9, 1.2), dice.uniform(0.45, 0.7)
            yield model.Bin(x, z, *size, dice.color(METAL, 24))
        z += spacing * dice.uniform(0.5, 1.2)


def _opens(ground, side, z, margin=0.5):
    """Returns whether a side street opens at z."""
    return any(
        side == other and z0 - margin < z < z1 + margin
        for other, z0, z1 in ground.junctions
    )


def _grow_tree(dice, x, z, leaves, bare):
    height = dice.uniform(4, 11)
    half_height = height * dice.uniform(0.3, 0.42)
    return model.Tree(
        x=x,
        z=z,
        height=height,
        crown=(half_height * dice.uniform(0.55, 1.05), half_height),
        trunk=height * dice.uniform(0.03, 0.05),
        bark=dice.color(WOOD, 13),
        color=dice.color(leaves, 10),
        bare=bare,
        seed=dice.count(0, 1 << 16),
    )


def _raise_post(dice, x, z, side, lamp_height, metal):
    is_lamp = dice.chance(0.5)
    signs = []
    if not is_lamp or dice.chance(0.3):
        shape, color, rim = dice.pick(_SIGNS)
        size = dice.uniform(0.6, 0.95)
        height = dice.uniform(2.2, 2.8)
        signs.append((shape, height, size, color, rim))
        if shape != "lights" and dice.chance(0.3):
            _, color, rim = dice.pick(_SIGNS[3:7])
            signs.append(("board", height - 0.75 * size, 0.5 * size, color, rim))
    top = max((height + size / 2 for _, height, size, _, _ in signs), default=2.5)
    return model.Post(
        x=x,
        z=z,
        height=lamp_height if is_lamp else top + 0.05,
        width=dice.uniform(0.13, 0.2) if is_lamp else dice.uniform(0.08, 0.12),
        color=metal,
        arm=-side * dice.uniform(0.5, 1.8) if is_lamp else 0.0,
        signs=tuple(signs),
    )


def _build_car(dice, x, z, oncoming, lit):
    kind, length, width, height = dice.pick(_VEHICLES)
    if kind == "van" and dice.chance(0.25):  # a bus
        length, width, height = 9.5, 2.45, 3.0
    height *= dice.uniform(0.95, 1.05)
    return model.Car(
        x=x,
        z=z,
        profile=tuple((length * u, height * v) for u, v in _PROFILES[kind]),
        width=width,
        color=dice.color(PAINTS, 16),
        oncoming=oncoming,
        lit=lit,
    )


def _place_cars(dice, ground, side, own_side, light):
    """Returns cars parked at one curb, if the road is wide enough, and traffic."""
    edge = ground.left if side < 0 else ground.right
    lane = 0.45 * edge
    if abs(edge) > 4.0 and dice.chance(0.7):
        lane = 0.5 * (edge - side * 2.1)
        yield from _park_cars(dice, ground, side, edge - side * 1.1, side == own_side)
    z = dice.uniform(7, 40)
    while z < _FAR and dice.chance(0.75):
        x = lane + dice.uniform(-0.15, 0.15)
        lit = light.lamps or dice.chance(0.3)
        yield _build_car(dice, x, z, side != own_side, lit)
        z += dice.uniform(14, 36)


def _park_cars(dice, ground, side, x, is_own_side):
    z = dice.uniform(4, 20)
    share = dice.uniform(0.35, 0.95)
    while z < _FAR:
        oncoming = dice.chance(0.15 if is_own_side else 0.8)
        car = _build_car(dice, x, z, oncoming, False)
        length = car.profile[-1][0]
        opens = _opens(ground, side, z) or _opens(ground, side, z + length)
        if dice.chance(share) and length < 7 and not opens:
            yield car
        z += length + dice.uniform(0.7, 2.2)


def _walk(dice, ground):
    """Returns people, mostly on the pavements and sometimes on the road."""
    for _ in range(dice.count(1, 6)):
        side = dice.side()
        curb, wall = (
            (ground.left, ground.left_wall)
            if side < 0
            else (ground.right, ground.right_wall)
        )
        z = math.exp(dice.uniform(math.log(5.5), math.log(38)))
        x = curb + (wall - curb) * dice.uniform(0.3, 0.85)
        if dice.chance(0.16):
            x, z = dice.uniform(ground.left, ground.right), max(z, 9.0)
        person = _dress(dice, x, z)
        yield person
        if dice.chance(0.35):  # with a companion
            yield _dress(dice, x + 0.65, z + dice.uniform(-0.4, 0.4))


def _dress(dice, x, z):
    height = dice.uniform(1.08, 1.35) if dice.chance(0.12) else dice.uniform(1.58, 1.9)
    return model.Pedestrian(
        x=x,
        z=z,
        height=height,
        build=height * dice.uniform(0.25, 0.32),
        stride=dice.uniform(0.04, 0.26),
        skin=dice.color(SKINS, 10),
        hair=dice.color(HAIRS, 13),
        top=dice.color(CLOTHES, 19),
        legs=dice.color(CLOTHES, 19),
        bag=dice.color(CLOTHES, 19) if dice.chance(0.3) else None,
    )
