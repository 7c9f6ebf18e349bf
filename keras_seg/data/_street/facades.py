"""Painting of the buildings and hedges along the street.

First, all walls are traced from far to near to find the wall that each pixel shows;
then all pixels of one kind are colored together.
"""

import numpy as np

from keras_seg.data._street.model import BUILDING, TREE, Building, Hedge

_LIT_WINDOW = (235, 200, 130)
_WALL, _TRIM, _GLASS, _SHINE, _BOARD, _ROOF = range(6)
_NUM_MATERIALS = 6
_NEAR = 0.8  # meters; nearer parts of walls are cut off


def paint_blocks(view):
    """Paints all buildings and hedges."""
    walls = _Walls(view)
    number = walls.trace(view).ravel()
    for kind, paint, label in (
        (Building, _color_buildings, BUILDING),
        (Hedge, _color_hedges, TREE),
    ):
        chosen = np.array([isinstance(block, kind) for block in walls.blocks])
        # Pixels without a wall have the number -1, which selects the last entry.
        pixels = np.flatnonzero(np.append(chosen, False)[number])
        if len(pixels):
            shown = _Pixels(view, walls, number[pixels], pixels)
            place = np.cumsum(chosen) - 1  # index of each wall among those of its kind
            blocks = [block for block in walls.blocks if isinstance(block, kind)]
            colors = paint(view, blocks, place[number[pixels]], shown)
            view.colors.reshape(3, -1)[:, pixels] = view.haze(colors, shown.z)
            view.label.ravel()[pixels] = label


class _Walls:
    """Walls of a street from far to near, as arrays `(walls, image width)`.

    Each block has two walls: its front along the street, at a fixed x, and its gable
    across the street, at a fixed z.

    Attributes:
        blocks: list of the block of each wall.
        light: array `(walls, 1)`, the light on each wall.
        z: Depth of each column.
        along: Meters along the wall.
        meter: Pixels per meter along the wall.
        top, bottom: Upper and lower edge, in meters downwards at a distance of one
            meter. Where there is no wall, the top is below the bottom.
    """

    def __init__(self, view):
        camera, light = view.street.camera, view.street.light
        blocks = sorted(view.street.blocks, key=lambda block: -block.z0)
        self.blocks = [block for block in blocks for _ in range(2)]
        facing = [(light.facing(-block.side), light.facing(0)) for block in blocks]
        self.light = np.array(facing, "float32").reshape(-1, 1)
        edge, z0, z1, depth, height, roof, ragged, side = np.array(
            [_solid(block, camera.offset) for block in blocks], "float32"
        ).T[..., None]
        across = view.across
        with np.errstate(divide="ignore"):  # the column straight ahead has no front
            z_front = edge / across
        z_gable = np.broadcast_to(z0, z_front.shape)
        from_edge = side * (across * z0 - edge)
        on_front = (z_front > np.maximum(z0, _NEAR)) & (z_front < z1)
        on_gable = (from_edge >= 0) & (from_edge < depth) & (z0 > _NEAR)
        # A sloping roof leans away from the street and looks half as high.
        eaves = height + 0.5 * roof + ragged * view.grain[:1]
        gable = height + roof * (1 - 2 * np.abs(from_edge / depth - 0.5))
        focal = np.float32(camera.focal)

        def pair(front, gable):
            return np.stack([front, gable], axis=1).reshape(-1, len(across))

        self.z = pair(z_front, z_gable)
        self.along = pair(z_front, np.abs(from_edge))
        self.meter = pair(np.abs(across) * focal / z_front, focal / z_gable)
        self.bottom = np.float32(camera.height) / self.z
        top = self.bottom - pair(eaves, gable) / self.z
        self.top = np.where(pair(on_front, on_gable), top, np.inf)

    def trace(self, view):
        """Returns the number of the wall that each pixel shows, or -1."""
        number = np.full(view.label.shape, -1, "int16")
        down = view.down[:, None]
        first, last = np.searchsorted(view.down, (self.top, self.bottom))
        for index, (start, stop) in enumerate(zip(first, last, strict=True)):
            columns = np.flatnonzero(stop > start)
            if len(columns):
                columns = slice(columns[0], columns[-1] + 1)
                rows = slice(start[columns].min(), stop[columns].max())
                shown = down[rows] >= self.top[index, columns]
                shown &= down[rows] < self.bottom[index, columns]
                number[rows, columns][shown] = index
        return number


class _Pixels:
    """Contents of the pixels of some walls, as arrays with one entry per pixel.

    Attributes:
        z, along, meter, light: See `_Walls`.
        up: Meters above the ground.
        grain: Noise.
    """

    def __init__(self, view, walls, number, pixels):
        rows, columns = np.divmod(pixels, len(view.across))
        entries = number.astype("int32") * len(view.across) + columns
        self.z, self.along, self.meter = (
            values.ravel()[entries] for values in (walls.z, walls.along, walls.meter)
        )
        self.up = np.float32(view.street.camera.height) - view.down[rows] * self.z
        self.grain = view.grain.ravel()[pixels]
        # Walls are darker near the ground.
        self.light = walls.light[number, 0] * (0.82 + 0.06 * np.clip(self.up, 0, 3))


def _solid(block, offset):
    """Returns the dimensions of a block relative to a camera at `offset`."""
    is_hedge = isinstance(block, Hedge)
    roof, ragged = (0, 0.1 * block.height) if is_hedge else (block.roof, 0)
    wall = block.wall - offset
    return wall, block.z0, block.z1, block.depth, block.height, roof, ragged, block.side


def _color_hedges(view, hedges, number, shown):
    """Returns the colors of leaves, `(3, pixels)`."""
    colors = np.array([hedge.color for hedge in hedges], "float32").T[:, number]
    return colors * (shown.light * (0.8 + 0.25 * shown.grain))


def _color_buildings(view, buildings, number, shown):
    """Returns the colors of walls with windows, doors, shops and roofs."""
    measures = [_measures(building) for building in buildings]
    measures = np.array(measures, "float32").T[:, number]
    height, floor, bay, wide, high, shop, seed = measures
    up, bays, storeys = shown.up, shown.along / bay, shown.up / floor
    bay_number, storey = np.floor(bays), np.floor(storeys)
    from_center = np.abs(bays - bay_number - np.float32(0.5))
    from_middle = np.abs(storeys - storey - np.float32(0.54))
    chance = view.chances[
        (storey * 7 + seed).astype("int32") & 31,
        (bay_number + seed // 32).astype("int32") & 31,
    ]
    is_roof = up > height
    is_wall = up < height - 0.3
    is_shop = shop > 0
    windowed = is_wall & (storey >= shop)
    at_door = windowed & (storey == 0) & (chance < 0.3)
    windowed &= ~at_door
    glazed = windowed & (from_center < wide) & (from_middle < high)
    glazed |= is_shop & (up > 0.5) & (up < 2.3) & (from_center < 0.45)
    large = is_roof | is_shop & (up > 2.4) & (up < 3.1)

    material = np.full(len(up), _WALL)
    material[windowed & (from_center < wide + 0.05) & (from_middle < high + 0.06)] = (
        _TRIM
    )
    material[glazed] = _GLASS
    material[glazed & (chance > 0.78)] = _SHINE
    material[at_door & (up < 2.1) & (from_center * bay < 0.55)] = _BOARD
    material[large] = _BOARD
    material[is_roof] = _ROOF

    shade = 1 + np.float32(0.06) * shown.grain
    shade[glazed] = 0.6 + 0.6 * chance[glazed]
    shade[material == _SHINE] = 0.8
    ledge = is_wall & (storeys - storey < 0.06)
    shade[ledge | ~is_wall & ~is_roof] *= 0.82  # ledges and the cornice
    shade[is_roof] += 0.14 * ((up[is_roof] * 3) % 1 < 0.5)  # rows of tiles

    light = view.street.light
    shining = _LIT_WINDOW if light.lamps else light.sky[1]
    paints = np.array([_paints(building, shining) for building in buildings], "float32")
    paints = paints.reshape(-1, 3).T
    colors = paints.take(number * _NUM_MATERIALS, axis=1)
    details = paints.take(number * _NUM_MATERIALS + material, axis=1)
    visible = np.clip((shown.meter * bay - 2) / 3, 0, 1)  # tiny details fade
    visible[large] = 1
    return (colors + (details - colors) * visible) * (shade * shown.light)


def _measures(building):
    wide, high = (share / 2 for share in building.window)
    height, floor, bay = building.height, building.floor, building.bay
    return height, floor, bay, wide, high, building.has_shop, building.seed


def _paints(building, shining):
    """Returns the colors of the materials, in order."""
    return (
        building.color,
        building.trim,
        building.glass,
        shining,
        building.board,
        building.roof_color,
    )
