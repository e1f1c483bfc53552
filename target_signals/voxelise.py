"""Triangle meshes as boolean volumes: what a closed surface encloses, and what a surface passes through.

Voxel i of an axis of n covers the i-th of n equal parts of the bounds. Both functions work in index
coordinates, where voxel centres are the integers and every voxel is a unit cube.
"""

from collections.abc import Iterator

import numpy as np

from common.errors import UsageError

PAIRS_AT_ONCE = 2**14  # of a triangle and a cell of its box: few enough to stay in the processor's cache

Bounds = tuple[np.ndarray, np.ndarray]  # lowest and highest corner, [3] each


def solid(
    vertices: np.ndarray, faces: np.ndarray, shape: tuple[int, ...], bounds: Bounds, mend: bool = False
) -> np.ndarray:
    """The voxels whose centres a closed mesh encloses: bool [*shape].

    vertices [V, 3], faces [F, 3]. A ray runs through each row of voxel centres; a centre is inside
    when the ray has crossed the surface an odd number of times up to it (orientation is not used).
    mend: accept a surface with holes, as scans have. Rays then run along all three axes and a centre
    takes the majority of their votes; rays with an odd number of crossings went through a hole and
    abstain. Without it, a mesh that is not closed raises UsageError.
    """
    if mend:
        votes = np.zeros(shape, dtype=np.int8)
        for axis in range(3):
            order = [axis, *(k for k in range(3) if k != axis)]
            low, high = (np.asarray(corner)[order] for corner in bounds)
            crossed, total = _parities(vertices[:, order], faces, tuple(shape[k] for k in order), (low, high))
            vote = np.where(total, 0, 2 * crossed.astype(np.int8) - 1)
            votes += np.moveaxis(vote, 0, axis).astype(np.int8)
        return votes > 0
    if open_edges := count_open_edges(vertices, faces):
        raise UsageError(
            f"the mesh is open: {open_edges} of its edges bound an odd number of faces, so it encloses no volume; "
            "close it, or ask for its surface alone"
        )
    return _parities(vertices, faces, shape, bounds)[0]


def shell(vertices: np.ndarray, faces: np.ndarray, shape: tuple[int, ...], bounds: Bounds) -> np.ndarray:
    """The voxels, boundaries included, that meet the surface: bool [*shape].

    Exact up to rounding: a triangle and a cube are apart iff they are so along the cube's axes, the
    triangle's normal, or a cross product of an edge of each (the separating axis theorem).
    """
    values = np.zeros(shape, dtype=bool)
    corners = _index_coordinates(vertices, shape, bounds)[faces]  # [F, 3 corners, 3]
    first, last = np.ceil(corners.min(axis=1) - 0.5).astype(int), np.floor(corners.max(axis=1) + 0.5).astype(int)
    # a box that is longer than one voxel along at most one axis is a row of voxels, and all of them are met
    row = (last > first).sum(axis=1) <= 1
    for triangle, cell in _pairs(np.maximum(first, 0), np.minimum(last, np.array(shape) - 1)):
        met = row[triangle]
        met[~met] = _touch(corners[triangle[~met]] - cell[~met, None])
        values[tuple(cell[met].T)] = True
    return values


def count_open_edges(vertices: np.ndarray, faces: np.ndarray) -> int:
    """How many edges bound an odd number of faces: 0 iff rays cross the surface an even number of times."""
    open_edges = _odd_edges(faces)
    if not open_edges:
        return 0
    _, welded = np.unique(vertices, axis=0, return_inverse=True)  # corners may be stored once for each face
    return _odd_edges(welded.reshape(-1)[faces])


def _odd_edges(faces: np.ndarray) -> int:
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1).astype(np.int64)
    edges = edges[edges[:, 0] != edges[:, 1]]
    _, uses = np.unique(edges[:, 0] * (faces.max() + 1) + edges[:, 1], return_counts=True)
    return int((uses % 2).sum())


def _index_coordinates(vertices: np.ndarray, shape: tuple[int, ...], bounds: Bounds) -> np.ndarray:
    low, high = (np.asarray(corner, dtype=np.float64) for corner in bounds)
    return (vertices - low) / (high - low) * np.array(shape) - 0.5


def _pairs(first: np.ndarray, last: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every triangle with every cell of its box [F, k]..[F, k]: chunks of (triangle [n], cell [n, k])."""
    sides = np.maximum(last - first + 1, 0)
    boxes = np.flatnonzero(sides.all(axis=1))
    ends = np.cumsum(sides[boxes].prod(axis=1))
    start = 0
    while start < len(boxes):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + PAIRS_AT_ONCE, side="right")))
        sizes = np.diff(ends[start:stop], prepend=before)
        triangle = np.repeat(boxes[start:stop], sizes)
        rest = np.arange(ends[stop - 1] - before) - np.repeat(ends[start:stop] - sizes - before, sizes)
        cell = np.empty((len(triangle), sides.shape[1]), dtype=int)
        for k in reversed(range(sides.shape[1])):
            rest, cell[:, k] = np.divmod(rest, sides[triangle, k])
        yield triangle, cell + first[triangle]
        start = stop


def _parities(
    vertices: np.ndarray, faces: np.ndarray, shape: tuple[int, ...], bounds: Bounds
) -> tuple[np.ndarray, np.ndarray]:
    """Whether an odd number of crossings, along axis 0, lies up to each centre [*shape] and in all [1, *shape[1:]]."""
    corners = _index_coordinates(vertices, shape, bounds)[faces]
    odd = np.zeros((shape[0] + 1, *shape[1:]), dtype=bool)  # at the first centre not before a crossing, or at the end
    across = corners[..., 1:]
    first = np.maximum(np.ceil(across.min(axis=1)), 0).astype(int)
    last = np.minimum(np.floor(across.max(axis=1)), np.array(shape[1:]) - 1).astype(int)
    for triangle, ray in _pairs(first, last):
        a, b, c = (corners[triangle, k] for k in range(3))
        hit = _right_of(a, b, ray) ^ _right_of(b, c, ray) ^ _right_of(c, a, ray)
        a, b, c, ray = a[hit], b[hit], c[hit], ray[hit]
        depth = np.clip(np.ceil(_depth(a, b, c, ray)), 0, shape[0]).astype(int)
        np.logical_xor.at(odd, (depth, ray[:, 0], ray[:, 1]), True)
    crossed = np.logical_xor.accumulate(odd, axis=0)
    return crossed[:-1], crossed[-1:]


def _right_of(p: np.ndarray, q: np.ndarray, ray: np.ndarray) -> np.ndarray:
    """Whether the edge p q crosses the half line from the ray's foot along axis 1: bool [n].

    The edge's ends are put in one order first. Both triangles at an edge thus get the same answer to
    the last bit, so no ray slips between them or hits both: the number of hits of a closed mesh is even.
    """
    swap = (p[:, 1] > q[:, 1]) | ((p[:, 1] == q[:, 1]) & (p[:, 2] > q[:, 2]))
    low, high = np.where(swap[:, None], q, p), np.where(swap[:, None], p, q)
    x, y = ray[:, 0], ray[:, 1]
    spans = (low[:, 2] > y) != (high[:, 2] > y)
    rise = np.where(spans, high[:, 2] - low[:, 2], 1)
    return spans & (low[:, 1] + (y - low[:, 2]) / rise * (high[:, 1] - low[:, 1]) > x)


def _depth(a: np.ndarray, b: np.ndarray, c: np.ndarray, ray: np.ndarray) -> np.ndarray:
    """Coordinate along axis 0 at which rays [n, 2] meet the planes of triangles [n, 3] each."""
    normal = np.cross(b - a, c - a)
    steep = normal[:, 0] != 0
    slope = (normal[:, 1:] * (ray - a[:, 1:])).sum(axis=1) / np.where(steep, normal[:, 0], 1)
    corners = np.stack([a[:, 0], b[:, 0], c[:, 0]])
    return np.clip(np.where(steep, a[:, 0] - slope, corners.mean(axis=0)), corners.min(axis=0), corners.max(axis=0))


def _touch(corners: np.ndarray) -> np.ndarray:
    """Whether triangles [n, 3 corners, 3] whose boxes meet the unit cube at the origin meet it too: bool [n]."""
    edges = np.roll(corners, -1, axis=1) - corners
    normal = np.cross(edges[:, 0], edges[:, 1])
    touch = np.abs((normal * corners[:, 0]).sum(axis=1)) <= np.abs(normal).sum(axis=1) / 2
    for edge in range(3):
        for axis in range(3):
            one, two = (axis + 1) % 3, (axis + 2) % 3
            u, v = edges[:, edge, one], edges[:, edge, two]
            shadow = corners[..., two] * u[:, None] - corners[..., one] * v[:, None]  # [n, 3 corners]
            reach = (np.abs(u) + np.abs(v)) / 2
            touch &= (shadow.min(axis=1) <= reach) & (shadow.max(axis=1) >= -reach)
    return touch
