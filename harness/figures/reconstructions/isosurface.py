"""A shaded picture of a volume's isosurface: triangles by marching cubes, drawn as points into a depth buffer.

Lorensen & Cline 1987. The volume is seen along a fixed direction, from above and to the right, without
perspective, so pictures of one volume can be compared.
"""

import numpy as np

from harness.figures.reconstructions.view import shrink

MOST_VOXELS = 80  # along the longest axis; finer volumes are averaged
AZIMUTH, ELEVATION = 35.0, 25.0  # degrees
LIGHT = np.array([-0.45, 0.65, 0.6])  # from the upper left, in front: right, up, toward the viewer
AMBIENT, DEPTH_CUE = 0.25, 0.35  # light that reaches every face; how much darker the farthest one is
COLOUR = np.array([0.75, 0.87, 1.0])
SIDE = 1.5  # voxels: the side of a triangle for which points are spread
LONGEST = 2.0  # voxels: longer sides are halved; cubic voxels have none
SPACING = 0.7  # pixels between the points on such a side, so that none is missed
BEHIND = 3.0  # voxels


def shaded(
    volume: np.ndarray, level: float, rows: int, spacing: tuple[float, ...] = (1.0, 1.0, 1.0)
) -> np.ndarray | None:
    """[rows, columns, 3] in [0, 1] on white, of the surface between values below and above `level`.

    volume: [n0, n1, n2]; axis 0 runs to the right and back, axis 1 up, axis 2 to the left and back.
    spacing: of neighbouring voxels along each axis, the least of them 1.
    None where no value lies above the level.
    """
    from skimage.measure import marching_cubes

    blocks = shrink(volume, MOST_VOXELS)
    if not blocks.max() > level:
        return None
    outside = min(float(blocks.min()), level - 1.0)
    closed = np.pad(blocks, 1, constant_values=outside)  # what reaches the box's sides ends there
    vertices, triangles, _, _ = marching_cubes(closed, level)
    width, height = extent(closed.shape, spacing)
    size = rows, max(1, round(rows * width / height))
    voxel = rows / height  # pixels
    boxed = np.multiply(vertices - np.array(closed.shape) / 2, spacing)
    seen = voxel * boxed @ view().T  # [vertices, 3]: right, up, toward the viewer
    corners = seen[triangles]  # [triangles, 3, 3], pixels from the centre
    normals = np.cross(corners[:, 2] - corners[:, 0], corners[:, 1] - corners[:, 0])  # outward
    facing = normals[:, 2] > 0
    corners, normals = corners[facing], normals[facing]
    near = _in_front(corners, voxel * max(spacing))
    corners, normals = corners[near], normals[near]
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    brightness = AMBIENT + (1 - AMBIENT) * np.clip(normals @ (LIGHT / np.linalg.norm(LIGHT)), 0, 1)
    corners, brightness = _halved(corners, brightness, max(LONGEST * voxel, SPACING))
    steps = max(1, int(np.ceil(SIDE * voxel / SPACING)))
    return _splat(corners, brightness, size, steps)


def extent(shape: tuple[int, ...], spacing: tuple[float, ...] = (1.0, 1.0, 1.0)) -> tuple[float, float]:
    """Width and height of a volume's box as it is seen, in the unit of the spacing."""
    right, up = (np.abs(view()) @ np.multiply(shape, spacing))[:2]
    return float(right), float(up)


def view() -> np.ndarray:
    """The rotation from array axes to right, up, toward the viewer: [3, 3]."""
    azimuth, elevation = np.deg2rad([AZIMUTH, ELEVATION])
    turn = np.array([[np.cos(azimuth), 0, -np.sin(azimuth)], [0, 1, 0], [np.sin(azimuth), 0, np.cos(azimuth)]])
    tilt = np.array([[1, 0, 0], [0, np.cos(elevation), -np.sin(elevation)], [0, np.sin(elevation), np.cos(elevation)]])
    return tilt @ turn


def _in_front(corners: np.ndarray, voxel: float) -> np.ndarray:
    """Which triangles may be seen: not those far behind another one of the same voxel-sized cell of the picture."""
    middle = corners.mean(axis=1)
    cells = np.floor(middle[:, :2] / voxel).astype(int)
    cells -= cells.min(axis=0, initial=0)
    cell = cells[:, 0] * (cells[:, 1].max(initial=0) + 1) + cells[:, 1]
    order = np.argsort(middle[:, 2], kind="stable")
    nearest = np.full(cell.max(initial=0) + 1, -np.inf)
    nearest[cell[order]] = middle[order, 2]
    return middle[:, 2] > nearest[cell] - BEHIND * voxel


def _halved(corners: np.ndarray, brightness: np.ndarray, longest: float) -> tuple[np.ndarray, np.ndarray]:
    """The surface in triangles [n, 3, 3] whose sides are at most `longest` pixels of the picture, and their brightness.

    One with a longer side becomes two at its middle, so that points grow with the area and not with the square of the
    longest side.
    """
    done = list[tuple[np.ndarray, np.ndarray]]()
    while len(corners) or not done:
        sides = np.linalg.norm((np.roll(corners, -1, axis=1) - corners)[..., :2], axis=2)  # [triangles, 3]
        long = sides.max(axis=1) > longest
        done.append((corners[~long], brightness[~long]))
        order = (sides[long].argmax(axis=1)[:, None] + np.arange(3)) % 3
        one, two, apex = np.moveaxis(np.take_along_axis(corners[long], order[..., None], axis=1), 1, 0)
        middle = (one + two) / 2
        corners = np.concatenate([np.stack([one, middle, apex], axis=1), np.stack([middle, two, apex], axis=1)])
        brightness = np.tile(brightness[long], 2)
    return np.concatenate([each for each, _ in done]), np.concatenate([each for _, each in done])


def _splat(corners: np.ndarray, brightness: np.ndarray, size: tuple[int, int], steps: int) -> np.ndarray:
    """Points spread over every triangle; of those that fall on a pixel the nearest one colours it."""
    sides = range(steps + 1)
    weights = np.array([(i, j, steps - i - j) for i in sides for j in sides if i + j <= steps]) / steps
    points = np.einsum("wc,fcx->fwx", weights, corners).reshape(-1, 3)  # [triangles · weights, 3]
    rows, columns = size
    column = np.clip((points[:, 0] + columns / 2).astype(int), 0, columns - 1)
    row = np.clip((rows / 2 - points[:, 1]).astype(int), 0, rows - 1)
    distance = (points[:, 2].max(initial=0.0) - points[:, 2]) / max(rows, columns)
    light = np.repeat(brightness, len(weights)) * (1 - DEPTH_CUE * np.clip(distance, 0, 1))
    order = np.argsort(points[:, 2], kind="stable")  # the nearest last: it is what stays
    picture = np.ones((rows, columns, 3))
    picture[row[order], column[order]] = np.clip(light[order, None] * COLOUR, 0, 1)
    return picture
