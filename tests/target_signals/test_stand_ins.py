"""Signals that are always there: pictures that scikit-image carries, its phantom, and two solids made by formulas."""

import socket

import numpy as np
import pytest
from scipy import ndimage
from skimage.data import chelsea, shepp_logan_phantom

import target_signals
from common.errors import UsageError
from target_signals import get_signal, sample_images, shrink, solids
from target_signals.base import RecordedFamily
from target_signals.resample import bicubic
from target_signals.voxelise import count_open_edges

FAMILIES = [
    family
    for family in map(target_signals.registry.get, target_signals.registry.names())
    if issubclass(family, RecordedFamily)
]
CASES = [(family, item) for family in FAMILIES if family.stands_for for item in family.items]


@pytest.fixture
def _no_network(monkeypatch, tmp_path):
    def refuse(*args, **kwargs):
        raise AssertionError("a stand-in wanted the network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.delenv("INRBENCH_DATA", raising=False)
    monkeypatch.setenv("INRBENCH_CACHE", str(tmp_path))


def test_every_family_with_data_to_miss_has_a_stand_in():
    absent = {family.name: family.stand_in for family in FAMILIES if family.stand_in}
    assert absent == {"DIV2K": "SampleImages", "Dragon": "Solids", "ChestCT": "SheppLogan"}
    for family in FAMILIES:
        if family.stand_in:
            other = target_signals.registry.get(family.stand_in)
            assert (other.stands_for, other.dims, other.kind) == (family.name, family.dims, family.kind)


@pytest.mark.usefixtures("_no_network")
@pytest.mark.parametrize(("family", "item"), CASES, ids=lambda case: getattr(case, "name", case))
@pytest.mark.parametrize("length", [None, 24])
def test_a_stand_in_is_there_at_any_length(family, item, length):
    assert family.missing() is None
    signal = get_signal(family.name, family.dims[0], length, item=item)
    assert (signal.values.dtype, signal.kind, signal.dim) == (np.float32, family.kind, family.dims[0])
    assert signal.values.flags.c_contiguous
    assert 0 <= signal.values.min() < signal.values.max() <= 1
    assert (signal.finer is not None) == family.has_finer(item)
    longest = max(signal.lattice.shape)
    assert longest == 24 if length else 0.5 < longest / max(family.typical_shape) < 2
    assert signal.source
    assert "\n" not in signal.source


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dim": 3}, "SampleImages does not exist with dim 3; it has dim 2"),
        ({"bandlimit": 0.5}, "SampleImages has no bandlimit, got 0.5; leave it out"),
        ({"item": "moon"}, "SampleImages has no item 'moon'"),
    ],
)
def test_what_a_recorded_family_does_not_have_is_one_line(arguments, message):
    with pytest.raises(UsageError, match=message):
        get_signal("SampleImages", **arguments)


def test_a_synthetic_family_has_no_items():
    with pytest.raises(UsageError, match=r"^StarTarget has no items, got 'moon'; leave it out$"):
        get_signal("StarTarget", length=9, item="moon")


def test_a_family_of_one_dimension_need_not_be_told_it():
    assert get_signal("Solids", length=24, item="knot_occupancy").dim == 3


@pytest.mark.parametrize("item", sample_images.SampleImages.items)
@pytest.mark.parametrize("length", [None, 20])
def test_a_sample_image_is_the_bicubic_quarter_of_its_finer_one(item, length):
    signal = get_signal("SampleImages", 2, length, item=item)
    height, width, channels = signal.values.shape
    assert channels == 3
    assert signal.finer.shape == (4 * height, 4 * width, 3)
    quarter = bicubic(signal.finer.astype(np.float64), (height, width)).clip(0, 1)
    assert np.abs(signal.values - quarter).max() < 1e-6


def test_the_finer_sample_image_is_the_photograph_cropped():
    finer = get_signal("SampleImages", item="chelsea").finer
    assert (finer == np.float32(chelsea()[:300, :448] / np.float32(255))).all()


def test_a_package_without_the_pictures_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(sample_images, "packaged", lambda item: tmp_path / item)
    family = target_signals.registry.get("SampleImages")
    assert "this scikit-image was packaged without it" in family.missing()
    with pytest.raises(UsageError, match="packaged without it"):
        family.load("coffee", None)


def test_the_phantom_is_scikit_images():
    signal = get_signal("SheppLogan")
    assert (signal.values == shepp_logan_phantom().astype(np.float32)).all()
    assert signal.values.shape == (400, 400)


def enclosed(vertices, faces):
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return abs((a * np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize("name", ["knot", "gyroid"])
def test_a_solids_mesh_is_closed_and_its_voxels_have_its_volume(name):
    vertices, faces = getattr(solids, name)()
    assert count_open_edges(vertices, faces) == 0
    share = enclosed(vertices, faces) / np.ptp(vertices, axis=0).prod()
    errors = [abs(solids.voxels(f"{name}_occupancy", n).mean() / share - 1) for n in (30, 100)]
    assert errors[1] < 0.01
    assert errors[1] < errors[0] < 0.05


def test_the_knots_tube_does_not_meet_itself():
    """A tube's volume is its section times its axis' length, unless it overlaps itself or bends too sharply."""
    t = np.linspace(0, 2 * np.pi, 20001)
    axis = np.stack([np.sin(t) + 2 * np.sin(2 * t), np.cos(t) - 2 * np.cos(2 * t), -np.sin(3 * t)], axis=1)
    length = np.linalg.norm(np.diff(axis, axis=0), axis=1).sum()
    share = solids.voxels("knot_occupancy", 100).mean()
    vertices, _ = solids.knot()
    volume = np.pi * solids.TUBE**2 * length
    assert enclosed(*solids.knot()) == pytest.approx(volume, rel=0.005)
    assert share * np.ptp(vertices, axis=0).prod() == pytest.approx(volume, rel=0.01)


def test_the_gyroids_voxels_are_where_its_formula_says():
    values = solids.voxels("gyroid_occupancy", 60)
    vertices, _ = solids.gyroid()
    low, extent = vertices.min(axis=0), np.ptp(vertices, axis=0)
    axes = [low[k] + (np.arange(n) + 0.5) / n * extent[k] for k, n in enumerate(values.shape)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"))
    x, y, z = 2 * np.pi * solids.WAVES * points
    level = np.sin(x) * np.cos(y) + np.sin(y) * np.cos(z) + np.sin(z) * np.cos(x)
    depth = 1 - np.sqrt(np.square(points / solids.SEMI_AXES[:, None, None, None]).sum(axis=0))
    expected = (abs(level) < solids.WALL) & (depth > 0)
    clear = (abs(abs(level) - solids.WALL) > 0.02) & (abs(depth) > 0.08)  # meshing blunts the rim of the walls
    assert clear.mean() > 0.7
    assert (values == expected)[clear].all()


@pytest.mark.parametrize("name", ["knot", "gyroid"])
def test_a_solid_is_one_piece_and_its_surface_separates_it(name):
    inside = solids.voxels(f"{name}_occupancy", 100) == 1
    surface = solids.voxels(f"{name}_surface", 100) == 1
    pieces, count = ndimage.label(inside)
    sizes = np.bincount(pieces.ravel())[1:]
    assert sizes.max() > 0.99 * sizes.sum(), f"{count} pieces"
    free, _ = ndimage.label(~surface)  # steps across faces do not pass the surface
    ids_in, ids_out = set(free[inside & ~surface]), set(free[~inside & ~surface])
    assert not ids_in & ids_out


@pytest.mark.parametrize("item", solids.Solids.items)
def test_the_finer_solid_has_twice_the_voxels_of_the_same_box(item):
    signal = get_signal("Solids", 3, 50, item=item)
    assert max(signal.finer.shape) == 63
    assert signal.finer.size / signal.values.size == pytest.approx(2, rel=0.05)
    if item.endswith("occupancy"):
        assert signal.finer.mean() == pytest.approx(signal.values.mean(), rel=0.03)
    else:
        assert signal.finer.mean() < signal.values.mean()


@pytest.mark.parametrize(
    ("shape", "length", "expected"),
    [
        ((300, 400), None, (300, 400)),
        ((300, 400), 400, (300, 400)),
        ((300, 400), 1000, (300, 400)),
        ((300, 400), 40, (30, 40)),
        ((10, 400), 40, (2, 40)),
        ((146, 104, 66), 32, (32, 23, 14)),
    ],
)
def test_lengths_shrink_and_never_enlarge(shape, length, expected):
    assert shrink.shorter(shape, length) == expected


@pytest.mark.parametrize("family", [family.name for family in FAMILIES if family.stands_for])
@pytest.mark.parametrize("length", [-1, 0, 1])
def test_a_length_that_is_no_lattice(family, length):
    with pytest.raises(UsageError, match=f"length {length} is too short for a signal; give at least 2"):
        get_signal(family, length=length)


def test_grey_volumes_shrink_as_images_do_along_every_axis():
    volume = np.random.default_rng(0).random((12, 10, 8)).astype(np.float32)
    small = shrink.grey_volume(volume, (6, 5, 4))
    assert (small.shape, small.dtype) == ((6, 5, 4), np.float32)
    assert small.mean() == pytest.approx(volume.mean(), abs=0.01)
    ramp = np.broadcast_to(np.linspace(0, 1, 8, dtype=np.float32), (12, 10, 8))
    assert np.abs(shrink.grey_volume(ramp, (6, 5, 4)) - shrink.image(ramp[0], (5, 4))).max() < 1e-6
    same = shrink.grey_volume(volume, (12, 10, 8))
    assert (same == volume).all()
