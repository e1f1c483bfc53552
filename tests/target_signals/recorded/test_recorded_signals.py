"""DIV2K, the dragon and the chest slice: on files made here and, where they are, on the real ones."""

import hashlib

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import map_coordinates

from common.errors import UsageError
from common.lattice import Lattice
from target_signals import dragon, get_signal, registry
from target_signals.recorded import catalogue
from target_signals.recorded.catalogue import SOURCES, RecordedFile, Source
from target_signals.resample import bicubic
from target_signals.tasks import metrics
from target_signals.tasks.base import make_task

DIV2K, DRAGON, CHEST = map(registry.get, ("DIV2K", "Dragon", "ChestCT"))


def real(family, finer=False):
    """Skips where recorded files of a family are not here, or those of its finer lattices."""
    there = family.missing() is None and (not finer or all(map(family.has_finer, family.items)))
    return pytest.mark.skipif(not there, reason=f"needs {family.name}'s recorded{' finer' * finer} files")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty data folder and cache."""
    monkeypatch.setenv("INRBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("INRBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data"


@pytest.fixture
def put(folder, monkeypatch):
    """Write a file into the data folder, and change the catalogue so that it is the recorded one."""

    def change(path, write):
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        write(place)
        name = next(name for name, source in SOURCES.items() if path in [file.path for file in source.files])
        recorded = RecordedFile(path, hashlib.sha256(place.read_bytes()).hexdigest(), place.stat().st_size)
        files = tuple(recorded if file.path == path else file for file in SOURCES[name].files)
        monkeypatch.setitem(SOURCES, name, Source(files, SOURCES[name].licence, SOURCES[name].archive))

    return change


def picture(*shape, dtype=np.uint8, seed=0):
    pixels = np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)
    return pixels, lambda place: Image.fromarray(pixels).save(place)


@pytest.mark.parametrize("family", [DIV2K, DRAGON, CHEST], ids=lambda family: family.name)
def test_what_is_not_there_is_said_and_not_replaced(folder, family):
    line = family.missing()
    assert f"not found in INRBENCH_DATA ('{folder}', which is no folder) or the cache" in line
    assert "\n" not in line
    assert not any(map(family.has_finer, family.items))
    for item in family.items:
        with pytest.raises(UsageError, match="not found in INRBENCH_DATA"):
            family.load(item, None)


def test_a_div2k_image_is_its_file_divided_by_255(put):
    pixels, write = picture(12, 16, 3)
    put("div2k/lr_x4/0007x4.png", write)
    assert not DIV2K.has_finer("0007")
    signal = get_signal("DIV2K", item="0007")
    assert (signal.values == pixels / np.float32(255)).all()
    assert (signal.kind, signal.finer, signal.source) == ("image", None, "DIV2K 0007, bicubic ×4 file")
    assert get_signal("DIV2K", item="0007", length=8).values.shape == (6, 8, 3)


def test_the_original_is_the_finer_image(put):
    low, high = picture(12, 16, 3), picture(48, 64, 3, seed=1)
    put("div2k/lr_x4/0007x4.png", low[1])
    put("div2k/hr/0007.png", high[1])
    assert DIV2K.has_finer("0007")
    signal = get_signal("DIV2K", item="0007")
    assert (signal.finer == high[0] / np.float32(255)).all()
    assert signal.source == "DIV2K 0007, bicubic ×4 file and original"
    small = get_signal("DIV2K", item="0007", length=8)
    assert (small.values.shape, small.finer.shape) == ((6, 8, 3), (24, 32, 3))


def test_an_original_of_another_size_is_refused(put):
    put("div2k/lr_x4/0007x4.png", picture(12, 16, 3)[1])
    put("div2k/hr/0007.png", picture(48, 60, 3)[1])
    with pytest.raises(
        UsageError, match=r"0007.png' is 48 × 60 pixels, not four times its ×4 file; delete it, then run"
    ):
        get_signal("DIV2K", item="0007")


def test_div2k_is_missing_until_all_ten_are_there(put):
    for number in catalogue.NUMBERS[1:]:
        put(f"div2k/lr_x4/{number}x4.png", picture(4, 4, 3)[1])
    assert DIV2K.missing().startswith("'div2k/lr_x4/0064x4.png' not found")
    assert DIV2K.missing(["0007"]) is None  # its own file is there
    put("div2k/lr_x4/0064x4.png", picture(4, 4, 3)[1])
    assert DIV2K.missing() is None


def test_the_chest_slice_is_the_high_byte_between_its_extremes(put):
    pixels, write = picture(30, 40, dtype=np.uint16)
    pixels[:] = 10 * 256 + pixels % (200 * 256)
    put(catalogue.CHEST, write)
    values = get_signal("ChestCT").values
    high = pixels // 256
    assert (values.dtype, values.min(), values.max()) == (np.float32, 0, 1)
    assert np.abs(values - (high - high.min()) / (high.max() - high.min())).max() < 1e-6
    assert get_signal("ChestCT", length=20).values.shape == (15, 20)


def volume(shape, seed=0):
    values = np.random.default_rng(seed).random(shape) < 0.3
    return values, lambda place: np.save(place, values)


def test_the_dragons_volumes_are_read_as_they_are(put):
    base, finer = volume((146, 104, 66)), volume((184, 130, 83), seed=1)
    put("dragon/dragon_sparse.npy", base[1])
    assert "'dragon/dragon.npy' and 1 more not found" in DRAGON.missing()
    assert not DRAGON.has_finer("surface")
    assert get_signal("Dragon", 3, item="surface").finer is None
    put("dragon/dragon_sr_sparse.npy", finer[1])
    assert DRAGON.has_finer("surface")
    signal = get_signal("Dragon", 3, item="surface")
    assert (signal.values == base[0]).all()
    assert (signal.finer == finer[0]).all()
    assert signal.binary
    assert signal.source == "the paper's volume of the Stanford dragon"
    small = get_signal("Dragon", 3, 32, item="surface")
    assert (small.values.shape, small.finer.shape) == ((32, 23, 14), (40, 28, 18))
    assert small.binary


def test_a_volume_of_another_shape_is_refused(put):
    put("dragon/dragon.npy", volume((146, 104, 67))[1])
    with pytest.raises(UsageError, match=r"has shape \(146, 104, 67\) instead of \(146, 104, 66\)"):
        get_signal("Dragon", 3, item="occupancy")


def ellipsoid(extent, n=40):
    """A closed mesh of latitudes and longitudes as a PLY file."""
    theta, phi = np.arange(1, n) * np.pi / n, np.arange(2 * n) * np.pi / n
    ring = [
        np.outer(np.sin(theta), np.cos(phi)),
        np.outer(np.sin(theta), np.sin(phi)),
        np.cos(theta)[:, None] + 0 * phi,
    ]
    vertices = np.concatenate([np.stack(ring, axis=-1).reshape(-1, 3), [[0, 0, 1], [0, 0, -1]]]) * np.array(extent) / 2
    faces = []
    for j in range(2 * n):
        k, last = (j + 1) % (2 * n), (n - 2) * 2 * n
        faces += [(len(vertices) - 2, j, k), (len(vertices) - 1, last + k, last + j)]
        for i in range(n - 2):
            a, b = i * 2 * n, (i + 1) * 2 * n
            faces += [(a + j, b + j, b + k), (a + j, b + k, a + k)]
    return lambda place: write_mesh(place, vertices, faces)


def write_mesh(place, vertices, faces):
    """As Stanford's file: text, with remarks in its header."""
    lines = ["ply", "format ascii 1.0", "obj_info num_cols 512", f"element vertex {len(vertices)}"]
    lines += [f"property float {axis}" for axis in "xyz"] + [f"element face {len(faces)}"]
    lines += ["property list uchar int vertex_indices", "end_header"]
    rows = [" ".join(map(str, row)) for row in (*vertices, *((3, *face) for face in faces))]
    place.write_text("\n".join([*lines, *rows, ""]))


def test_the_mesh_is_read_as_it_is_written(tmp_path):
    vertices = [(0.0, 0.0, 0.0), (-1.5e-05, 0.25, 0.0), (1.0, 1.0, 0.0), (0.0, 1.0, -0.0103)]
    faces = [(0, 1, 3), (1, 2, 3), (2, 0, 3), (2, 1, 0), (0, 3, 1)]
    write_mesh(tmp_path / "mesh.ply", vertices, faces)
    found = dragon.read_mesh(tmp_path / "mesh.ply")
    assert [part.dtype for part in found] == [np.float64, np.int64]
    assert found[0].tolist() == list(map(list, vertices))
    assert found[1].tolist() == list(map(list, faces))


@pytest.mark.parametrize("item", ["occupancy", "surface"])
def test_without_the_volumes_the_mesh_is_voxelised(put, item):
    extent = np.array([145.313, 102.5, 65.0])  # in the paper's voxels
    put(catalogue.DRAGON_MESH, ellipsoid(extent))
    assert DRAGON.missing() is None
    assert DRAGON.has_finer(item)
    signal = get_signal("Dragon", 3, item=item)
    assert signal.values.shape == (146, 104, 66)
    assert signal.finer.shape == {"occupancy": (184, 131, 83), "surface": (184, 130, 83)}[item]
    assert signal.source == "the Stanford dragon, voxelised here from its mesh"
    for values, scale in ((signal.values, 1), (signal.finer, 183.461 / 145.313)):
        filled = np.pi / 6 * extent.prod() * scale**3
        if item == "occupancy":  # a voxel that the surface passes through is occupied, half of them on either side
            radius = np.cbrt(extent.prod()) / 2 * scale
            assert 1 < values.sum() / filled < 1 + 3 / radius
        else:
            assert 0.05 < values.sum() / filled < 0.3
        faces = [values[0], values[-1], values[:, 0], values[:, :, 0], values[:, :, -1]]
        assert sum(face.any() for face in faces) >= 4, "the lattice should fit the mesh tightly"
    occupied = np.argwhere(signal.values)
    centre = (occupied.min(axis=0) + occupied.max(axis=0) + 1) / 2
    _, before = dragon.PLACES[146]
    assert np.abs(centre - (np.array(before) + extent / 2)).max() <= 0.5


@real(DIV2K)
@pytest.mark.parametrize("item", catalogue.NUMBERS)
def test_the_real_div2k(item):
    signal = get_signal("DIV2K", item=item)
    heights = {"0010": 411, "0063": 396, "0093": 342}
    assert signal.values.shape == (heights.get(item, 339), 510, 3)
    if signal.finer is not None:
        quarter = bicubic(signal.finer, signal.values.shape[:2]).clip(0, 1)
        assert metrics.psnr(signal.values, quarter) > 55


@real(CHEST)
def test_the_real_chest():
    values = get_signal("ChestCT").values
    assert values.shape == (326, 435)
    assert values.mean() == pytest.approx(0.1586, abs=5e-5)
    assert len(np.unique(values)) == 230


@real(DRAGON, finer=True)
@pytest.mark.parametrize(("item", "ones"), [("occupancy", (196114, 383390)), ("surface", (48696, 78664))])
def test_the_real_dragon(item, ones):
    signal = get_signal("Dragon", 3, item=item)
    assert (signal.values.shape, signal.values.sum(), signal.finer.sum()) == ((146, 104, 66), *ones)


# Where the dragon's finer volume lies


def interpolated(values, lattice):
    """Linear interpolation of samples [*shape] of the regular lattice, at another one's points: [*finer shape, 1]."""
    indices = [(axis + 1) * n / 2 for axis, n in zip(lattice.axes, values.shape, strict=True)]
    return map_coordinates(values, np.meshgrid(*indices, indexing="ij"), order=1, mode="nearest")[..., None]


@pytest.mark.parametrize("shrunk", [False, True])
@pytest.mark.parametrize("item", ["occupancy", "surface"])
def test_finer_samples_lie_where_the_mesh_has_them(item, shrunk):
    """A smooth function of the mesh's space, sampled at both volumes' voxels."""
    vertices = np.array([[0.0, 0.0, 0.0], [2.0, 1.4, 0.9]])
    whole = {"coarse": dragon.SHAPE, "finer": dragon.FINER_SHAPES[item]}
    shapes = {name: tuple(n // 2 for n in shape) if shrunk else shape for name, shape in whole.items()}

    def sampled(name):
        low, high = dragon.place(vertices, whole[name])
        axes = [a + (np.arange(n) + 0.5) * (b - a) / n for a, b, n in zip(low, high, shapes[name], strict=True)]
        return sum(np.sin(3 * x + k) for k, x in enumerate(np.meshgrid(*axes, indexing="ij", sparse=True)))

    coarse, truth = sampled("coarse"), sampled("finer")
    lattice = dragon.finer_lattice(shapes["coarse"], shapes["finer"], whole["finer"])
    inside = (slice(3, -3),) * 3  # at the ends the finer volume reaches beyond the coarse one
    error = np.abs(interpolated(coarse, lattice)[..., 0] - truth)[inside].max()
    one_box = np.abs(interpolated(coarse, Lattice.aligned(shapes["finer"], shapes["coarse"]))[..., 0] - truth)
    assert error < 4e-3
    assert one_box[inside].max() > 10 * error


@real(DRAGON, finer=True)
@pytest.mark.parametrize(
    ("item", "expected"), [("occupancy", (22.37, 21.72, 20.89)), ("surface", (19.67, 18.38, 17.97))]
)
def test_the_real_finer_dragon_is_met_best_where_it_lies(item, expected):
    """PSNR of the true coarse volume, interpolated: where the finer one lies, at the paper's positions, in one box."""
    signal = get_signal("Dragon", 3, item=item)
    scoring = make_task("fit", signal).scorings[1]
    one_box = Lattice.aligned(scoring.truth.shape[:3], signal.values.shape)
    found = [
        scoring.scores(interpolated(signal.values, lattice))["psnr"]
        for lattice in (scoring.lattice, scoring.paper_lattice, one_box)
    ]
    assert found == pytest.approx(expected, abs=0.01)
