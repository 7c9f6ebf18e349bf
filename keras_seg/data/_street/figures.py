"""Painting of trees, posts, bins and people."""

import math

import numpy as np

from keras_seg.data._street.canvas import rectangle
from keras_seg.data._street.model import PEDESTRIAN, POLE, SIGN, TREE, VOID

_SIGNAL_RED, _SIGNAL_GREEN = (235, 60, 40), (60, 220, 130)
_LAMP = (255, 226, 160)


def paint_tree(canvas, tree):
    """Paints a trunk and a crown of many discs, or bare branches in winter."""
    rng = np.random.default_rng(tree.seed)
    x, z, (half_width, half_height) = tree.x, tree.z, tree.crown
    center = tree.height - half_height
    bark = canvas.tone(tree.bark, z)
    top = x + tree.trunk * float(rng.normal(0, 0.8))
    foot, fork = tree.trunk / 2, tree.trunk / 3
    canvas.polygon(
        [
            (x - foot, 0, z),
            (x + foot, 0, z),
            (top + fork, center, z),
            (top - fork, center, z),
        ],
        bark,
        TREE,
    )
    pixels = canvas.pixels(half_height, z)
    count = int(min(max(8, 1.2 * pixels + (pixels / 10) ** 2), 800))
    angle = rng.uniform(0, 2 * math.pi, count)
    distance = np.sqrt(rng.uniform(0, 0.85, count))
    across, along = distance * np.cos(angle), distance * np.sin(angle)
    shades = 0.86 + 0.26 * along + 0.14 * canvas.light.sun_side * across
    shades += rng.normal(0, 0.09, count)
    radii = rng.uniform(0.5, 1.35, count) * 1.4 / math.sqrt(count)
    radii *= min(half_width, half_height)
    order = np.argsort(along)  # lit tops are drawn over dark undersides
    places = np.stack([x + across * half_width, center + along * half_height, radii], 1)
    fills = [canvas.tone(tree.color, z, shade) for shade in shades[order].tolist()]
    canvas.discs(places[order], z, [None] * count if tree.bare else fills, TREE)
    if tree.bare:
        _paint_branches(canvas, tree, rng, bark)


def _paint_branches(canvas, tree, rng, bark):
    half_width, half_height = tree.crown
    depth = 4 if canvas.pixels(half_height, tree.z) > 20 else 3
    base = tree.height - 1.5 * half_height
    limbs = [(tree.x, base, math.pi / 2, 0.75 * half_height, tree.trunk / 2, depth)]
    turns = iter(rng.normal(0, 0.22, 3 ** (depth + 1)).tolist())
    while limbs:
        x, y, angle, length, width, left = limbs.pop()
        end_x = x + length * half_width / half_height * math.cos(angle)
        end_y = y + length * math.sin(angle)
        canvas.rod((x, y, tree.z), (end_x, end_y, tree.z), width, bark)
        if left:
            limbs += [
                (
                    end_x,
                    end_y,
                    angle + turn + next(turns),
                    0.62 * length,
                    0.55 * width,
                    left - 1,
                )
                for turn in (-0.75, 0.0, 0.75)
            ]


def paint_post(canvas, post):
    """Paints a pole with its lamp and signs."""
    x, z = post.x, post.z
    tone = canvas.tone(post.color, z)
    canvas.rod((x, 0, z), (x, post.height, z), post.width, tone, POLE)
    if post.arm:
        tip = (x + post.arm, post.height + 0.25, z)
        canvas.rod((x, post.height, z), tip, 0.08, tone, POLE)
        head = (tip[0] + 0.3 * post.arm, tip[1], z)
        color = _LAMP if canvas.light.lamps else post.color
        canvas.rod(tip, head, 0.16, canvas.tone(color, z), POLE)
    for shape, height, size, color, rim in post.signs:
        fills = canvas.tone(rim, z), canvas.tone(color, z)
        _SIGN_PAINTERS[shape](canvas, x, height, z, size / 2, fills)


def _paint_disc(canvas, x, y, z, half, fills):
    for share, fill in zip((1.0, 0.68), fills, strict=True):
        canvas.disc(x, y, z, share * half, fill, SIGN)


def _paint_triangle(canvas, x, y, z, half, fills):
    for share, fill in zip((1.0, 0.6), fills, strict=True):
        reach = share * half
        base = [(x - reach, y - 0.8 * reach, z), (x + reach, y - 0.8 * reach, z)]
        canvas.polygon([(x, y + reach, z), *base], fill, SIGN)


def _paint_board(canvas, x, y, z, half, fills):
    for share, fill in zip((1.0, 0.8), fills, strict=True):
        board = rectangle(x, y, z, 0.85 * share * half, share * half)
        canvas.polygon(board, fill, SIGN)


def _paint_lights(canvas, x, y, z, half, fills):
    canvas.polygon(rectangle(x, y, z, 0.5 * half, 1.2 * half), fills[0], SIGN)
    is_red = int(abs(x) * 1000) % 2  # pseudo-random, but fixed by the position
    lamp = canvas.tone(_SIGNAL_RED if is_red else _SIGNAL_GREEN, z)
    place = y + (0.7 if is_red else -0.7) * half
    canvas.disc(x, place, z, 0.3 * half, lamp, SIGN)


_SIGN_PAINTERS = {
    "disc": _paint_disc,
    "triangle": _paint_triangle,
    "board": _paint_board,
    "lights": _paint_lights,
}


def paint_bin(canvas, thing):
    """Paints a litter bin, which has no class."""
    half = thing.height / 2
    outline = rectangle(thing.x, half, thing.z, thing.width / 2, half)
    canvas.polygon(outline, canvas.tone(thing.color, thing.z, 0.9), VOID)


def paint_pedestrian(canvas, person):
    """Paints the legs, trunk, bag and head of a person."""
    x, z, tall = person.x, person.z, person.height
    half = person.build / 2

    def part(points, color, brightness=1.0):
        fill = canvas.tone(color, z, brightness)
        canvas.polygon([(*point, z) for point in points], fill, PEDESTRIAN)

    hip, thigh = 0.5 * tall, 0.055 * tall
    for side, brightness in ((-1, 0.85), (1, 1.0)):
        joint, foot = x + side * 0.02, x + side * person.stride
        part(
            [
                (joint - thigh, hip),
                (joint + thigh, hip),
                (foot + 0.7 * thigh, 0),
                (foot - 0.7 * thigh, 0),
            ],
            person.legs,
            brightness,
        )
    neck, elbow, waist = 0.84 * tall, 0.7 * tall, 0.46 * tall
    lit = canvas.light.sun_side or 1
    for side in (-1, 1):
        part(
            [
                (x, neck),
                (x + side * 0.75 * half, neck),
                (x + side * half, elbow),
                (x + side * 0.85 * half, waist),
                (x, waist),
            ],
            person.top,
            1.06 if side == lit else 0.84,
        )
    if person.bag:
        x0, x1 = x + 0.7 * half, x + 0.7 * half + 0.13 * tall
        y0, y1 = 0.42 * tall, 0.6 * tall
        part([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], person.bag)
    head = 0.07 * tall
    hair, skin = canvas.tone(person.hair, z), canvas.tone(person.skin, z)
    canvas.disc(x, tall - head, z, head, hair, PEDESTRIAN)
    canvas.disc(x, tall - 1.25 * head, z, 0.75 * head, skin, PEDESTRIAN)
