"""Lattice: coordinates of docs/protocol.md, the order of its points, and slabs that cover it once."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from target_signals import Lattice

SHAPES = st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple)


@pytest.mark.parametrize(("n", "expected"), [(1, [-1]), (2, [-1, 0]), (4, [-1, -0.5, 0, 0.5])])
def test_sample_i_sits_at_minus_one_plus_two_i_over_n(n, expected):
    assert Lattice.regular((n,)).axes[0].tolist() == expected


def test_the_end_point_is_left_out_of_every_axis():
    lattice = Lattice.regular((1001, 30))
    assert (lattice.shape, lattice.dim, len(lattice)) == ((1001, 30), 2, 30030)
    for axis, n in zip(lattice.axes, lattice.shape, strict=True):
        assert axis.dtype == np.float64
        assert (axis[0], axis[-1]) == (-1, pytest.approx(1 - 2 / n))
        np.testing.assert_allclose(np.diff(axis), 2 / n, rtol=1e-12)


@given(SHAPES)
def test_points_run_in_array_order_with_coordinate_k_along_axis_k(shape):
    points = Lattice.regular(shape).points("cpu")
    expected = [[-1 + 2 * i / n for i, n in zip(index, shape, strict=True)] for index in product(*map(range, shape))]
    assert points.dtype == torch.float32
    assert points.shape == (len(expected), len(shape))
    np.testing.assert_allclose(points.numpy(), expected, atol=1e-7)


@given(SHAPES, st.data())
def test_points_at_is_points_by_index(shape, data):
    lattice = Lattice.regular(shape)
    index = torch.tensor(data.draw(st.lists(st.integers(0, len(lattice) - 1), max_size=20)), dtype=torch.int64)
    assert torch.equal(lattice.points_at(index), lattice.points("cpu")[index])


@given(SHAPES, st.integers(1, 1000))
def test_slabs_cover_the_lattice_exactly_once(shape, max_points):
    lattice = Lattice.regular(shape)
    layer = len(lattice) // shape[0]
    parts, points = [], []
    slabs = list(lattice.slabs(max_points))
    assert len(slabs) == math.ceil(shape[0] / max(1, max_points // layer)), "no more than it takes"
    for part, slab in slabs:
        assert len(slab) <= max(max_points, layer)
        assert slab.shape == (part.stop - part.start, *shape[1:])
        parts += range(part.start, part.stop)
        points.append(slab.points("cpu"))
    assert parts == list(range(shape[0]))
    assert torch.equal(torch.cat(points), lattice.points("cpu"))


def test_slabs_are_equally_long_but_for_the_last():
    lengths = [slab.shape[0] for _, slab in Lattice.regular((100, 4)).slabs(30 * 4)]
    assert lengths == [25, 25, 25, 25]


@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 4)])
def test_the_open_mesh_broadcasts_to_the_points(shape):
    lattice = Lattice.regular(shape)
    columns = torch.broadcast_tensors(*lattice.open_mesh("cpu"))
    assert torch.equal(torch.stack(columns, dim=-1).reshape(-1, len(shape)), lattice.points("cpu"))


def test_one_slab_when_all_fits():
    assert [part for part, _ in Lattice.regular((5, 4)).slabs(20)] == [slice(0, 5)]


def test_axis_tensors_are_float32():
    first, second = Lattice.regular((4, 2)).axis_tensors("cpu")
    assert first.tolist() == [-1, -0.5, 0, 0.5]
    assert second.dtype == torch.float32


def test_equality_is_identity_so_a_lattice_can_key_a_cache():
    one, other = Lattice.regular((3, 3)), Lattice.regular((3, 3))
    assert one != other
    assert {one: "kept"}[one] == "kept"


@pytest.mark.parametrize("shape", [(), (0,), (4, 0)])
def test_an_empty_lattice_is_refused(shape):
    with pytest.raises(ValueError, match="at least one sample an axis"):
        Lattice.regular(shape)


@pytest.mark.parametrize(("shape", "coarse"), [((24, 20), (6, 5)), ((184, 131, 83), (146, 104, 66)), ((6,), (6,))])
def test_an_aligned_lattice_fills_the_same_box(shape, coarse):
    """Cell by cell: the centre of fine cell j in units of coarse cells, from the common left edge of both."""
    found = Lattice.aligned(shape, coarse)
    assert found.shape == shape
    for axis, n, m in zip(found.axes, shape, coarse, strict=True):
        centres = (np.arange(n) + 0.5) * m / n  # in coarse cells, whose own centres are i + 1/2
        expected = -1 + 2 * (centres - 0.5) / m
        np.testing.assert_allclose(axis, np.maximum(expected, -1), atol=1e-12)
        assert axis.max() < 1
