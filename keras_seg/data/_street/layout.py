"""Random layout of a street: the light, the ground and the objects along it."""

import math

from keras_seg.data._street import model
from keras_seg.data._street.colors import LEAVES, PAINTS, ROOFS, TRIMS, WALLS
from keras_seg.data._street.things import place_things

# The probability of each is proportional to its count.
_WEATHERS = ("sun",) * 8 + ("overcast",) * 7 + ("dull",) * 2 + ("dusk",) * 3
_CHARACTERS = ("terrace",) * 7 + ("town",) * 8 + ("suburb",) * 5

# Length of a front, floors, share of sloping roofs, share of shops, probability that
# the next house has another color.
_FRONTS = {
    "terrace": ((6, 12), (2, 4), 0.8, 0.25, 0.35),
    "town": ((9, 24), (2, 6), 0.2, 0.6, 1.0),
    "suburb": ((7, 12), (2, 3), 0.9, 0.0, 1.0),
}


def lay_out(dice, size):
    """Returns a random `Street` with a camera of `size`, `(height, width)` pixels.

    The draws do not depend on `size`: equal dice give the same street at every
    resolution.
    """
    light = _draw_light(dice)
    left, right = -dice.uniform(2.9, 5.6), dice.uniform(2.9, 5.6)
    walls = (left - dice.uniform(1.7, 4.2), right + dice.uniform(1.7, 4.2))
    own_side = dice.side()  # the side of the road on which the camera drives
    lane = 0.35 * (right if own_side > 0 else left)
    camera = _draw_camera(dice, size, lane + dice.uniform(-0.5, 0.5))
    blocks, junctions = [], []
    for side, wall in zip((-1, 1), walls, strict=True):
        row, openings = _draw_blocks(dice, side, wall)
        blocks += row
        junctions += openings
    ground = _draw_ground(dice, left, right, walls, junctions)
    if dice.chance(0.5):
        horizon = (dice.uniform(9, 17), dice.color(LEAVES, 16), model.TREE)
    else:
        horizon = (dice.uniform(9, 24), dice.color(WALLS, 19), model.BUILDING)
    bonnet = None
    if dice.chance(0.3):
        bonnet = (dice.uniform(0.03, 0.075), dice.color(PAINTS, 13))
    return model.Street(
        camera=camera,
        light=light,
        ground=ground,
        blocks=tuple(blocks),
        horizon=horizon,
        things=tuple(place_things(dice, ground, own_side, light)),
        bonnet=bonnet,
    )


def _draw_light(dice):
    kind = dice.pick(_WEATHERS)
    side, slant, shadow = 0, (0.0, 0.0), 0.0
    haze = dice.uniform(150, 500)
    exposure = dice.uniform(0.95, 1.12)
    clouds = dice.uniform(0, 0.7)
    if kind == "sun":
        pale = dice.uniform(0, 1)
        top = (70 + 60 * pale, 118 + 52 * pale, 190 + 36 * pale)
        bottom = (176 + 50 * pale, 198 + 34 * pale, 222 + 16 * pale)
        cloud_color = (236, 236, 238)
        shadow = dice.uniform(0.4, 0.6)
    elif kind == "overcast":
        bright = dice.uniform(196, 240)
        top, bottom = (bright - 14, bright - 10, bright - 4), (bright + 8,) * 3
        cloud_color = (bright - 26,) * 3
    elif kind == "dull":
        bright = dice.uniform(128, 172)
        top = (bright - 20, bright - 14, bright - 6)
        bottom = (bright + 14, bright + 16, bright + 18)
        cloud_color = (bright - 40,) * 3
        haze, exposure = dice.uniform(60, 160), dice.uniform(0.7, 0.9)
    else:
        warm = dice.uniform(0, 1)
        top = (104 + 30 * warm, 120, 160 - 20 * warm)
        bottom = (226, 182 - 20 * warm, 142 - 30 * warm)
        cloud_color = (170, 130, 120)
        shadow, exposure = dice.uniform(0.2, 0.4), dice.uniform(0.66, 0.88)
    if shadow:
        side = dice.side()
        slant = (-side * dice.uniform(0.3, 1.1), dice.uniform(-0.3, 0.6))
    warmth = dice.uniform(-0.04, 0.05) + (0.02 if shadow else -0.02)
    return model.Light(
        sky=(top, bottom),
        clouds=clouds,
        cloud_color=cloud_color,
        haze=haze,
        sun_side=side,
        slant=slant,
        shadow=shadow,
        lamps=kind == "dusk",
        gain=(exposure * (1 + warmth), exposure, exposure * (1 - warmth)),
        gamma=dice.uniform(0.78, 1.15),
        noise=dice.uniform(1.5, 5),
        vignette=dice.uniform(0.0, 0.22),
    )


def _draw_camera(dice, size, offset):
    height, width = size
    return model.Camera(
        focal=dice.uniform(0.78, 1.1) * math.sqrt(height * width),
        column=dice.uniform(0.36, 0.64) * width,
        row=dice.uniform(0.36, 0.54) * height,
        height=dice.uniform(1.25, 1.75),
        offset=offset,
    )


def _draw_ground(dice, left, right, walls, junctions):
    gray = dice.uniform(88, 146)
    paving = gray + dice.uniform(-18, 52)
    warm = dice.uniform(-4, 22)
    patches = []
    for _ in range(dice.count(0, 4)):
        x, z = dice.uniform(left, right), math.exp(dice.uniform(1.2, 3.2))
        brightness = dice.pick((0.78, 0.86, 1.1))
        patches.append(
            (x, x + dice.uniform(0.5, 2.2), z, z + dice.uniform(1, 6), brightness)
        )
    return model.Ground(
        left=left,
        right=right,
        left_wall=walls[0],
        right_wall=walls[1],
        road_color=tuple(gray + dice.uniform(-5, 5) for _ in range(3)),
        pavement_color=(paving + warm, paving + 0.6 * warm, paving - 0.3 * warm),
        curb_color=(paving + 26, paving + 25, paving + 22),
        slab=dice.uniform(0.5, 1.2),
        divider=dice.uniform(-0.3, 0.3) if dice.chance(0.75) else None,
        edge_lines=dice.chance(0.45),
        crossing=dice.uniform(7, 24) if dice.chance(0.2) else None,
        patches=tuple(patches),
        junctions=tuple(junctions),
    )


def _draw_blocks(dice, side, wall):
    """Returns the buildings and hedges of one side and its side street openings."""
    blocks, junctions = [], []
    name = dice.pick(_CHARACTERS)
    lengths, floors, sloping, shops, change = _FRONTS[name]
    z, end = dice.uniform(-6, 3), dice.uniform(45, 75)
    color = dice.color(WALLS, 19)
    while z < end:
        if dice.chance(change):
            color = dice.color(WALLS, 19)
        length, floor = dice.uniform(*lengths), dice.uniform(2.7, 3.5)
        setback = dice.uniform(0, 3) if name == "suburb" else 0.0
        glass = dice.uniform(40, 96)
        blocks.append(
            model.Building(
                side=side,
                wall=wall + side * setback,
                z0=z,
                z1=z + length,
                height=floor * dice.count(*floors) + 0.6,
                roof=dice.uniform(1.5, 3) if dice.chance(sloping) else 0.0,
                depth=dice.uniform(8, 16),
                color=color,
                roof_color=dice.color(ROOFS, 13),
                glass=(glass, glass + dice.uniform(0, 10), glass + dice.uniform(0, 22)),
                trim=dice.color(TRIMS, 13),
                board=dice.color(PAINTS, 19),
                floor=floor,
                bay=dice.uniform(1.8, 3.6),
                window=(dice.uniform(0.34, 0.72), dice.uniform(0.42, 0.68)),
                has_shop=dice.chance(shops),
                seed=dice.count(0, 1023),
            )
        )
        z += length
        chance = dice.uniform(0, 1)
        if chance < 0.16:
            gap = dice.uniform(6, 11)
            junctions.append((side, z + 1.2, z + gap - 1.2))
            z += gap
        elif name == "suburb" and chance < 0.85:
            gap = dice.uniform(2, 9)
            height, depth = dice.uniform(1.0, 2.6), dice.uniform(1, 3)
            leaves = dice.color(LEAVES, 13)
            blocks.append(model.Hedge(side, wall, z, z + gap, height, depth, leaves))
            z += gap
    return blocks, junctions
