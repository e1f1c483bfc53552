"""Two shapes made by formulas, as closed meshes that the voxelisers take at any length: a knot and a gyroid.

The knot is a tube around the trefoil; the gyroid (A. Schoen, NASA TN D-5541, 1970) a thickened minimal
surface cut by an ellipsoid. One is a plain solid, the other thin and full of channels, as the dragon's
body and its surface are.
"""

import functools

import numpy as np

from target_signals.base import RecordedFamily, Signal, register
from target_signals.voxelise import shell, solid

LENGTH = 146  # samples along the longest axis, as the dragon has
FINER = 1.26  # times as many samples an axis, so that the volume has twice as many

TUBE = 0.55  # radius; strands of the trefoil pass each other at 1.21, and its least radius of curvature is 1.29
ALONG, AROUND = 480, 48  # vertices of the tube

SEMI_AXES = np.array([1.0, 104 / 146, 66 / 146])  # of the ellipsoid: the dragon's proportions
WAVES = 1.75  # periods of the gyroid from the centre to the end of the longest axis
WALL = 0.55  # the wall is where the gyroid's level is less than this from 0
NODES = 128  # of the lattice along the longest axis on which the gyroid is meshed

Mesh = tuple[np.ndarray, np.ndarray]  # vertices [V, 3], faces [F, 3]


@functools.cache
def knot() -> Mesh:
    """A tube of radius TUBE around the trefoil (sin t + 2 sin 2t, cos t - 2 cos 2t, -sin 3t)."""
    t = np.arange(ALONG) * 2 * np.pi / ALONG
    centre = np.stack([np.sin(t) + 2 * np.sin(2 * t), np.cos(t) - 2 * np.cos(2 * t), -np.sin(3 * t)], axis=1)
    ahead = np.stack([np.cos(t) + 4 * np.cos(2 * t), -np.sin(t) + 4 * np.sin(2 * t), -3 * np.cos(3 * t)], axis=1)
    bend = np.stack([-np.sin(t) - 8 * np.sin(2 * t), -np.cos(t) + 8 * np.cos(2 * t), 9 * np.sin(3 * t)], axis=1)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    second = np.cross(ahead, bend)  # the curve is nowhere straight, so its Frenet frame is continuous
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    first = np.cross(second, ahead)
    angle = (np.arange(AROUND) * 2 * np.pi / AROUND)[:, None]
    ring = np.cos(angle) * first[:, None] + np.sin(angle) * second[:, None]  # [ALONG, AROUND, 3]
    vertices = (centre[:, None] + TUBE * ring).reshape(-1, 3)
    i, j = np.indices((ALONG, AROUND)).reshape(2, -1)
    here, beside = i * AROUND + j, i * AROUND + (j + 1) % AROUND
    ahead_here, ahead_beside = (k + (i + 1) % ALONG * AROUND - i * AROUND for k in (here, beside))
    faces = np.concatenate([np.stack([here, ahead_here, beside]), np.stack([beside, ahead_here, ahead_beside])], axis=1)
    return vertices, faces.T


@functools.cache
def gyroid() -> Mesh:
    """The set where the gyroid's |level| < WALL inside the ellipsoid, meshed by marching cubes."""
    from skimage.measure import marching_cubes

    step = 2 / (NODES - 5)  # two nodes beyond the ellipsoid on every side, so that the mesh closes
    axes = [np.arange(-np.ceil(a / step) - 2, np.ceil(a / step) + 3) * step for a in SEMI_AXES]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)  # [*nodes, 3]
    x, y, z = np.moveaxis(2 * np.pi * WAVES * points, -1, 0)
    level = np.sin(x) * np.cos(y) + np.sin(y) * np.cos(z) + np.sin(z) * np.cos(x)
    depth = 1 - np.linalg.norm(points / SEMI_AXES, axis=-1)  # positive inside the ellipsoid
    inside = np.minimum(WALL - np.abs(level), depth / step)  # both change by about 1 over a few steps
    vertices, faces, _, _ = marching_cubes(inside, 0.0, spacing=(step,) * 3, allow_degenerate=False)
    return vertices + [axis[0] for axis in axes], faces.astype(np.int64)


def voxels(item: str, length: int) -> np.ndarray:
    """An item with `length` samples along its longest axis: float32, 0 or 1. The lattice fills its bounding box."""
    name, _, what = item.partition("_")
    vertices, faces = {"knot": knot, "gyroid": gyroid}[name]()
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    extent = high - low
    shape = tuple(max(2, round(n)) for n in length * extent / extent.max())
    fill = {"occupancy": solid, "surface": shell}[what]
    return fill(vertices, faces, shape, (low, high)).astype(np.float32)


@register
class Solids(RecordedFamily):
    """1 inside the solid, or where its surface passes. Runs where the dragon is not at hand."""

    name = "Solids"
    dims = (3,)
    kind = "volume"
    items = ("knot_occupancy", "knot_surface", "gyroid_occupancy", "gyroid_surface")
    fixed_items = True
    stands_for = "Dragon"
    typical_shape = (146, 120, 66)

    @classmethod
    def has_finer(cls, item: str) -> bool:
        return True

    @classmethod
    def load(cls, item: str, length: int | None) -> Signal:
        length = LENGTH if length is None else length
        finer = voxels(item, round(FINER * length))
        return Signal(
            voxels(item, length), 3, cls.kind, finer=finer, source=f"{item.replace('_', ', ')}, from a formula"
        )
