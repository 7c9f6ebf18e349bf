"""Painting of the road, the pavements, markings and shadows on the ground."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from keras_seg.data._street import model
from keras_seg.data._street.view import color_array

_NEAR = 0.8  # meters; nearer parts of shadows are cut off
_WHITE = 208


def paint_ground(view):
    """Paints everything below the horizon."""
    street, ground, camera = view.street, view.street.ground, view.street.camera
    first = int(np.searchsorted(view.down, camera.height / 300))
    z = np.float32(camera.height) / view.down[first:, None]
    x = np.float32(camera.offset) + view.across * z
    pixel = z / np.float32(camera.focal)  # the width of a pixel in meters
    road = (x > ground.left) & (x < ground.right)
    for side, z0, z1 in ground.junctions:
        road |= (side * x > 0) & (z > z0) & (z < z1)
    shade = np.where(road, _asphalt(view, x, z), _paving(view, x, z, pixel))
    tones = color_array(ground.road_color, 3), color_array(ground.pavement_color, 3)
    colors = np.where(road, *tones) * shade
    for curb, side in ((ground.left, -1), (ground.right, 1)):
        # Curbs thinner than a pixel are drawn one pixel wide, but fainter.
        edge, width = side * (x - np.float32(curb)), np.maximum(0.15, pixel)
        share = 0.15 / width * ((edge > 0) & (edge < width) & ~road)
        colors += (color_array(ground.curb_color, 3) - colors) * share
        share = 0.3 * 0.15 / width * ((edge < 0) & (edge > -width))
        colors *= 1 - share  # the gutter
    colors += (_WHITE - colors) * _markings(view, x, z, pixel)
    colors *= 1 - _shadows(street, view.label.shape)[first:]
    view.colors[:, first:] = view.haze(colors, z)
    view.label[first:] = np.where(road, model.ROAD, model.PAVEMENT)


def _asphalt(view, x, z):
    """Returns the brightness of the road: mottled, with wheel tracks and patches."""
    ground = view.street.ground
    rows, columns = (z * 13).astype("int32") & 63, (x * 13).astype("int32") & 63
    shade = 1 + 0.06 * view.mottle[rows, columns] * np.clip(10 / z, 0, 1)
    for edge in (ground.left, ground.right):
        from_lane = np.abs(np.abs(x - np.float32(0.45 * edge)) - 0.75)
        shade -= np.clip(0.06 - 0.1 * from_lane, 0, None)  # the tracks of wheels
    for x0, x1, z0, z1, brightness in ground.patches:
        shade[(x > x0) & (x < x1) & (z > z0) & (z < z1)] *= brightness
    return shade


def _paving(view, x, z, pixel):
    """Returns the brightness of slabs; joints that are too small fade."""
    slab = np.float32(view.street.ground.slab)
    u, v = x / slab, z / slab
    flag, row = np.floor(u), np.floor(v)
    joint = np.maximum(0.04, 0.5 * pixel / slab)
    joints = (u - flag < joint) | (v - row < joint)
    visible = np.clip((slab / pixel - 3) / 6, 0, 1)
    tone = view.chances[row.astype("int32") & 31, flag.astype("int32") & 31]
    return 1 + visible * (0.14 * tone - 0.07 - np.float32(0.2) * joints)


def _markings(view, x, z, pixel):
    """Returns the share of white paint on the road."""
    ground = view.street.ground
    lines = []
    if ground.divider is not None:
        lines.append((ground.divider, (z * 0.18) % 1 < 0.45))
    if ground.edge_lines:
        lines += [(ground.left + 0.35, True), (ground.right - 0.35, True)]
    paint = np.zeros_like(x)
    half = np.maximum(0.06, 0.5 * pixel)  # thin lines fade, as curbs do
    for center, dashes in lines:
        on_line = (np.abs(x - np.float32(center)) < half) & dashes
        paint = np.where(on_line, 0.06 / half, paint)
    if ground.crossing is not None:
        inside = (x > ground.left + 0.2) & (x < ground.right - 0.2)
        inside &= (z > ground.crossing) & (z < ground.crossing + 3)
        paint = np.where(inside & (x % 1.1 < 0.55), 1, paint)
    return paint * np.clip(0.65 + 0.2 * view.grain[-len(z) :], 0, 0.85)  # worn paint


def _shadows(street, size):
    """Returns the share of light that shadows take, `(height, width)`."""
    light = street.light
    height, width = size
    image = Image.new("L", (width, height))
    draw = ImageDraw.Draw(image)

    def cast(points, strength):
        corners = [street.camera.project(x, 0, max(z, _NEAR)) for x, z in points]
        draw.polygon(corners, fill=int(255 * strength))

    if light.sun_side:
        for block in street.blocks:
            if block.side == light.sun_side:
                dx, dz = (block.height * part for part in light.slant)
                wall, z0, z1 = block.wall, block.z0, block.z1
                far = [(wall + dx, z1 + dz), (wall + dx, z0 + dz)]
                cast([(wall, z0), (wall, z1), *far], light.shadow)
        for thing in street.things:
            for outline in _sun_shadow(thing, light.slant):
                cast(outline, light.shadow)
    for thing in street.things:
        if isinstance(thing, (model.Car, model.Tree, model.Pedestrian)):
            cast(_footprint(thing, 1.15), 0.5)
    image = image.filter(ImageFilter.BoxBlur(0.3 + width / 500))
    return np.asarray(image, "float32") / 255


def _footprint(thing, scale=1.0):
    """Returns the outline of an object on the ground as (x, z) in meters."""
    depth = 0.2
    if isinstance(thing, model.Car):
        half, depth = thing.width / 2, thing.profile[-1][0]
    elif isinstance(thing, model.Tree):
        half = thing.trunk / 2
    elif isinstance(thing, model.Pedestrian):
        half = 0.1 + thing.stride
    else:
        half = thing.width / 2
    half *= scale
    x0, x1, z0, z1 = thing.x - half, thing.x + half, thing.z - 0.1, thing.z + depth
    return [(x0, z0), (x1, z0), (x1, z1), (x0, z1)]


def _sun_shadow(thing, slant):
    """Returns the outlines of the shadow of an object on the ground."""
    slant_x, slant_z = slant
    outline = _footprint(thing)
    if isinstance(thing, model.Car):
        height = 0.9 * max(y for _, y in thing.profile)
        return [
            [(x + slant_x * y, z + slant_z * y) for x, z in outline]
            for y in (0, height / 2, height)
        ]
    height, outlines = thing.height, []
    if isinstance(thing, model.Tree):
        half_width, half_height = thing.crown
        height -= half_height
        x, z = thing.x + slant_x * height, thing.z + slant_z * height
        reach = half_width + abs(slant_x) * 0.5 * half_height
        angles = [step * math.pi / 7 for step in range(14)]
        crown = [
            (x + reach * math.cos(angle), z + half_width * math.sin(angle))
            for angle in angles
        ]
        outlines.append(crown)
    (x0, z0), (x1, _) = outline[:2]
    dx, dz = slant_x * height, slant_z * height
    stem = [(x0, z0), (x1, z0), (x1 + dx, z0 + dz), (x0 + dx, z0 + dz + 0.2)]
    return [*outlines, stem]
