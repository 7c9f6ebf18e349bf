"""Parts of a procedural street, as plain values in meters.

Axes: x points right from the middle of the road, y up from the ground, z ahead of the
camera. Colors are RGB in 0..255.
"""

import dataclasses

SKY, BUILDING, ROAD, PAVEMENT, TREE, POLE, SIGN, CAR, PEDESTRIAN = range(9)
VOID = 255


@dataclasses.dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks along the street.

    Args:
        focal: Focal length in pixels.
        column, row: The vanishing point in pixels; `row` is the horizon.
        height: Meters above the ground.
        offset: Meters from the middle of the road.
    """

    focal: float
    column: float
    row: float
    height: float
    offset: float

    def project(self, x, y, z):
        """Returns the column and the row, in pixels, of a point in meters."""
        scale = self.focal / z
        return (
            self.column + (x - self.offset) * scale,
            self.row + (self.height - y) * scale,
        )


@dataclasses.dataclass(frozen=True)
class Light:
    """Weather and time of day.

    Args:
        sky: Colors of the sky overhead and at the horizon.
        clouds: Share of the sky that clouds cover, in 0..1.
        cloud_color: Their color.
        haze: Distance in meters at which haze hides two thirds of an object.
        sun_side: -1 if the sun is on the left, 1 on the right, 0 without sun.
        slant: Length (x, z) of a shadow in meters per meter of height.
        shadow: Share of the light that shadows remove, in 0..1.
        lamps: Whether the lamps of cars and streets are on.
        gain: Factors for red, green and blue.
        gamma: Exponent of the exposure; values above 1 darken midtones.
        noise: Standard deviation of the sensor, in gray levels.
        vignette: Share of the light that is lost in the corners.
    """

    sky: tuple
    clouds: float
    cloud_color: tuple
    haze: float
    sun_side: int
    slant: tuple
    shadow: float
    lamps: bool
    gain: tuple
    gamma: float
    noise: float
    vignette: float

    def facing(self, side):
        """Returns the brightness of an upright surface whose normal points to `side`.

        Args:
            side: -1 for a surface that faces left, 1 for right, 0 for the camera.
        """
        return 1 + 0.25 * self.sun_side * side if side else 0.92


@dataclasses.dataclass(frozen=True)
class Ground:
    """Road and pavements.

    Args:
        left, right: x of the curbs.
        left_wall, right_wall: x of the building lines.
        road_color, pavement_color, curb_color: Colors.
        slab: Length of the slabs of the pavement.
        divider: x of the dashed line between the lanes, or `None`.
        edge_lines: Whether the road has lines along the curbs.
        crossing: z at which a zebra crossing begins, or `None`.
        patches: Tuple of (x0, x1, z0, z1, brightness) of mended asphalt.
        junctions: Tuple of (side, z0, z1) of the openings of side streets.
    """

    left: float
    right: float
    left_wall: float
    right_wall: float
    road_color: tuple
    pavement_color: tuple
    curb_color: tuple
    slab: float
    divider: float | None
    edge_lines: bool
    crossing: float | None
    patches: tuple
    junctions: tuple


@dataclasses.dataclass(frozen=True)
class Building:
    """A box along the street.

    Args:
        side: -1 for the left side of the street, 1 for the right.
        wall: x of the wall at the street.
        z0, z1: Ends of the wall.
        height: Height of the wall.
        roof: Height of the sloping roof above the wall, 0 for a flat roof.
        depth: Extent of the building away from the street.
        color, roof_color, glass, trim, board: Colors; the board belongs to the shop or
            the door.
        floor: Height of a floor.
        bay: Distance between windows.
        window: Share of a bay and of a floor that a window takes.
        has_shop: Whether the ground floor is a shop.
        seed: int that determines which windows are bright.
    """

    side: int
    wall: float
    z0: float
    z1: float
    height: float
    roof: float
    depth: float
    color: tuple
    roof_color: tuple
    glass: tuple
    trim: tuple
    board: tuple
    floor: float
    bay: float
    window: tuple
    has_shop: bool
    seed: int


@dataclasses.dataclass(frozen=True)
class Hedge:
    """A low box of leaves in a gap between buildings; its class is tree."""

    side: int
    wall: float
    z0: float
    z1: float
    height: float
    depth: float
    color: tuple


@dataclasses.dataclass(frozen=True)
class Tree:
    """A trunk with a crown, with leaves or bare.

    Args:
        x, z: Position.
        height: Height of the top.
        crown: Half width and half height of the crown.
        trunk: Width of the trunk.
        bark, color: Colors of wood and leaves.
        bare: Whether it has no leaves.
        seed: int that determines the shape.
    """

    x: float
    z: float
    height: float
    crown: tuple
    trunk: float
    bark: tuple
    color: tuple
    bare: bool
    seed: int


@dataclasses.dataclass(frozen=True)
class Post:
    """A lamp post, a sign post or traffic lights.

    Args:
        x, z: Position.
        height, width: Size of the pole.
        color: Color of the pole.
        arm: Signed extent of the lamp over the road; 0 without a lamp.
        signs: Tuple of (shape, height of the center, size, color, rim), where `shape`
            is "disc", "triangle", "board" or "lights".
    """

    x: float
    z: float
    height: float
    width: float
    color: tuple
    arm: float
    signs: tuple


@dataclasses.dataclass(frozen=True)
class Car:
    """A vehicle that is parked or drives along the street.

    Args:
        x, z: Middle of the end that is nearest to the camera.
        profile: Tuple of nine (z, y) from the lower edge of the tail over the roof to
            that of the front, in meters from the tail. Points 2 and 3 bound the rear
            window, 5 and 6 the windscreen.
        width: Width of the body.
        color: Color of the paint.
        oncoming: Whether the front is nearest to the camera.
        lit: Whether the lights are on.
    """

    x: float
    z: float
    profile: tuple
    width: float
    color: tuple
    oncoming: bool
    lit: bool


@dataclasses.dataclass(frozen=True)
class Pedestrian:
    """A person who stands or walks.

    Args:
        x, z: Position.
        height: Height of the person.
        build: Width of the shoulders.
        stride: Half the distance between the feet.
        skin, hair, top, legs: Colors.
        bag: Color of a bag, or `None`.
    """

    x: float
    z: float
    height: float
    build: float
    stride: float
    skin: tuple
    hair: tuple
    top: tuple
    legs: tuple
    bag: tuple | None


@dataclasses.dataclass(frozen=True)
class Bin:
    """A litter bin, which belongs to no class."""

    x: float
    z: float
    height: float
    width: float
    color: tuple


@dataclasses.dataclass(frozen=True)
class Street:
    """A whole scene.

    Args:
        camera, light, ground: As above.
        blocks: Tuple of `Building` and `Hedge`.
        horizon: Tuple of (height, color, class) of the skyline at the end of the
            street.
        things: Tuple of `Tree`, `Post`, `Car`, `Pedestrian` and `Bin`.
        bonnet: Height, as a share of the image height, and color of the camera's own
            bonnet, or `None`.
    """

    camera: Camera
    light: Light
    ground: Ground
    blocks: tuple
    horizon: tuple
    things: tuple
    bonnet: tuple | None
