"""The Stanford dragon as a binary volume: what it occupies, and its surface alone.

Source: Curless & Levoy, "A Volumetric Method for Building Complex Models from Range Images", SIGGRAPH 1996;
Stanford 3D Scanning Repository. The paper's volumes are read where INRBENCH_DATA has them; otherwise
Stanford's mesh, which can be fetched, is voxelised here at the same places (see PLACES).
"""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common.errors import UsageError
from common.lattice import Lattice
from target_signals import shrink
from target_signals.base import RecordedFamily, Signal, register
from target_signals.recorded import local_files
from target_signals.recorded.catalogue import DRAGON_MESH
from target_signals.resample import shrink_occupancy
from target_signals.voxelise import Bounds, shell, solid

FILES = {"occupancy": "dragon/dragon.npy", "surface": "dragon/dragon_sparse.npy"}
FINER_FILES = {"occupancy": "dragon/dragon_sr.npy", "surface": "dragon/dragon_sr_sparse.npy"}
SHAPE = (146, 104, 66)
FILLED = {"occupancy": 0.5, "surface": 0.0}  # share of a cell above which it is occupied in a smaller copy
FINER_SHAPES = {"occupancy": (184, 131, 83), "surface": (184, 130, 83)}

# Where the paper's lattices lie on the mesh: voxels along the mesh's extent in x, and by how many voxels the
# lattice begins before the mesh. Found by moving a decimated copy until its voxels met the stored ones best
# (intersection over union 0.987 for occupancy, 0.89 for the surface, of which the paper's holds a tenth less).
PLACES = {146: (145.313, (0.671, 0.913, 0.741)), 184: (183.461, (0.512, 0.710, 0.352))}


def voxels(item: str, mesh: tuple[np.ndarray, np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """The mesh (vertices [V, 3], faces [F, 3]) as the paper's volumes have it: bool [*shape].

    Occupied is what the surface encloses or touches. The scan has holes, which `solid` mends.
    """
    vertices, faces = mesh
    bounds = place(vertices, shape)
    surface = shell(vertices, faces, shape, bounds)
    return surface if item == "surface" else surface | solid(vertices, faces, shape, bounds, mend=True)


def finer_lattice(coarse: tuple[int, ...], finer: tuple[int, ...], whole: tuple[int, ...]) -> Lattice:
    """Where the samples of the finer volume lie on the coarse lattice, by PLACES: the two do not fill one box.

    coarse, finer: the shapes, perhaps of smaller copies. whole: the finer volume's shape before it was shrunk.
    """
    (along, before), (finer_along, finer_before) = PLACES[SHAPE[0]], PLACES[whole[0]]
    axes = []
    for k, (n, m) in enumerate(zip(coarse, finer, strict=True)):
        voxels_in = (np.arange(m) + 0.5) * whole[k] / m - finer_before[k]  # of the whole finer volume, into the mesh
        position = voxels_in * along / finer_along + before[k]  # in voxels of the whole coarse volume
        axes.append(np.maximum(-1 + 2 * (position * n / SHAPE[k] - 0.5) / n, -1.0))
    return Lattice(tuple(axes))


def place(vertices: np.ndarray, shape: tuple[int, ...]) -> Bounds:
    """The box that the lattice of that shape fills, by PLACES, in the units of the mesh: vertices [V, 3]."""
    along, before = PLACES[shape[0]]
    lowest = vertices.min(axis=0)
    edge = np.ptp(vertices[:, 0]) / along
    low = lowest - edge * np.array(before)
    return low, low + edge * np.array(shape)


@register
class Dragon(RecordedFamily):
    """1 where the dragon is. Axes: its length, height and depth. The finer volume has 1.26 times the samples."""

    name = "Dragon"
    dims = (3,)
    kind = "volume"
    items = ("occupancy", "surface")
    fixed_items = True
    stand_in = "Solids"
    typical_shape = SHAPE

    @classmethod
    def missing(cls, items: Sequence[str] | None = None) -> str | None:
        if local_files.find(DRAGON_MESH) is not None:
            return None
        volumes = [FILES[item] for item in items or cls.items]
        return local_files.missing(volumes) and local_files.missing([*volumes, DRAGON_MESH])

    @classmethod
    def has_finer(cls, item: str) -> bool:
        stored = FINER_FILES[item] if local_files.find(FILES[item]) else DRAGON_MESH
        return local_files.find(stored) is not None

    @classmethod
    def load(cls, item: str, length: int | None) -> Signal:
        finer = None
        if local_files.find(FILES[item]):
            base = read_volume(FILES[item], SHAPE)
            if cls.has_finer(item):
                finer = read_volume(FINER_FILES[item], FINER_SHAPES[item])
            source = "the paper's volume of the Stanford dragon"
        else:
            mesh = read_mesh(local_files.local(DRAGON_MESH))
            base, finer = (voxels(item, mesh, shape) for shape in (SHAPE, FINER_SHAPES[item]))
            source = "the Stanford dragon, voxelised here from its mesh"
        if length is not None and length < max(SHAPE):
            if finer is not None:
                finer = shrink_occupancy(finer, shrink.shorter(finer.shape, round(length * 184 / 146)), FILLED[item])
            base = shrink_occupancy(base, shrink.shorter(base.shape, length), FILLED[item])
        values = base.astype(np.float32, order="C")
        if finer is None:
            return Signal(values, 3, cls.kind, source=source)
        lattice = finer_lattice(base.shape, finer.shape, FINER_SHAPES[item])
        return Signal(
            values, 3, cls.kind, finer=finer.astype(np.float32, order="C"), finer_lattice=lattice, source=source
        )


def read_volume(path: str, shape: tuple[int, ...]) -> np.ndarray:
    """A recorded volume: bool [*shape]."""
    place = local_files.local(path)
    values = np.load(place, allow_pickle=False)
    if values.shape != shape:
        raise UsageError(f"'{place}' has shape {values.shape} instead of {shape}; replace it")
    return values


def read_mesh(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The vertices [V, 3], float64, and faces [F, 3], int64 indices, of Stanford's file, whose sum has been checked.

    It is a text of the PLY format (G. Turk, "The PLY Polygon File Format", Stanford 1994): a header with the number of
    vertices and of faces, then a line for each: x, y and z; 3 and the corners of a triangle.
    """
    counts: dict[bytes, int] = {}
    with path.open("rb") as file:
        for words in map(bytes.split, file):
            if words[0] == b"element":
                counts[words[1]] = int(words[2])
            if words[0] == b"end_header":
                break
        vertices = np.loadtxt(itertools.islice(file, counts[b"vertex"]), usecols=(0, 1, 2))
        return vertices, np.loadtxt(itertools.islice(file, counts[b"face"]), dtype=np.int64)[:, 1:]
