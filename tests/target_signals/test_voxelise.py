"""The voxelisers against closed forms, hand cases, and a slow computation by definition."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from common.errors import UsageError
from target_signals import voxelise
from target_signals.voxelise import count_open_edges, shell, solid

UNIT = (np.zeros(3), np.ones(3))


def box(low, high):
    """A box's corners and twelve triangles."""
    vertices = np.array(list(itertools.product(*zip(low, high, strict=True))), dtype=float)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return vertices, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])


def sphere(radius, n):
    """Latitudes and longitudes, 2n bands around, with a pole at either end."""
    theta = np.arange(1, n) * np.pi / n
    phi = np.arange(2 * n) * np.pi / n
    ring = np.stack(
        [np.outer(np.sin(theta), np.cos(phi)), np.outer(np.sin(theta), np.sin(phi)), np.cos(theta)[:, None] + 0 * phi],
        axis=-1,
    ).reshape(-1, 3)
    vertices = radius * np.concatenate([ring, [[0, 0, 1], [0, 0, -1]]])
    faces = []
    for i, j in itertools.product(range(n), range(2 * n)):
        k = (j + 1) % (2 * n)
        upper = [len(ring)] * 2 if i == 0 else [(i - 1) * 2 * n + j, (i - 1) * 2 * n + k]
        lower = [len(ring) + 1] * 2 if i == n - 1 else [i * 2 * n + j, i * 2 * n + k]
        faces += [(upper[0], lower[0], lower[1]), (upper[0], lower[1], upper[1])]
    faces = np.array(faces)
    distinct = (faces != np.roll(faces, 1, axis=1)).all(axis=1)
    return vertices, faces[distinct]


def torus(big, small, n):
    u, v = np.meshgrid(*[np.arange(n) * 2 * np.pi / n] * 2, indexing="ij")
    around = big + small * np.cos(v)
    vertices = np.stack([around * np.cos(u), around * np.sin(u), small * np.sin(v)], axis=-1).reshape(-1, 3)
    i, j = np.indices((n, n)).reshape(2, -1)
    a, b = i * n + j, i * n + (j + 1) % n
    c, d = (i + 1) % n * n + j, (i + 1) % n * n + (j + 1) % n
    return vertices, np.concatenate([np.stack([a, c, b]), np.stack([b, c, d])], axis=1).T


def enclosed(vertices, faces):
    """Volume of a closed mesh, by the divergence theorem."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return abs((a * np.cross(b, c)).sum() / 6)


CUBE = (np.full(3, -1.5), np.full(3, 1.5))


@pytest.mark.parametrize(
    ("mesh", "volume"), [(sphere(1.3, 60), 4 / 3 * np.pi * 1.3**3), (torus(1, 0.4, 90), 2 * np.pi**2 * 0.4**2)]
)
def test_volumes_converge_to_the_closed_form(mesh, volume):
    errors = []
    for n in (20, 40, 80):
        share = solid(*mesh, (n, n, n), CUBE).mean()
        errors.append(abs(share * 27 - volume) / volume)
    assert enclosed(*mesh) == pytest.approx(volume, rel=0.003)
    assert errors[2] < 0.004
    assert errors[2] < errors[0]


@pytest.mark.parametrize("n", [9, 31])
def test_a_sphere_is_the_centres_within_its_radius(n):
    """Up to the facets: centres nearer to the surface than these deviate are left out."""
    axes = (np.arange(n) + 0.5) / n * 3 - 1.5
    radius = np.sqrt(sum(np.square(axis) for axis in np.meshgrid(axes, axes, axes, indexing="ij")))
    clear = abs(radius - 1.3) > 0.004
    assert (solid(*sphere(1.3, 60), (n, n, n), CUBE) == (radius < 1.3))[clear].all()


def test_the_shell_is_where_the_distance_to_the_sphere_changes_sign_within_a_voxel():
    n = 24
    edges = np.linspace(-1.5, 1.5, n + 1)
    nearest = [np.maximum(np.maximum(edges[:-1], -edges[1:]), 0)] * 3
    farthest = [np.maximum(abs(edges[:-1]), abs(edges[1:]))] * 3
    low, high = (
        np.sqrt(sum(np.square(axis) for axis in np.meshgrid(*axes, indexing="ij"))) for axes in (nearest, farthest)
    )
    found = shell(*sphere(1.3, 90), (n, n, n), CUBE)
    met, apart = (low < 1.299) & (high > 1.3), (low > 1.3) | (high < 1.299)
    assert found[met].all()
    assert not found[apart].any()
    assert met.sum() + apart.sum() > 0.99 * n**3


def test_solid_and_shell_share_what_they_should():
    mesh = torus(1, 0.4, 60)
    inside, surface = solid(*mesh, (40, 40, 40), CUBE), shell(*mesh, (40, 40, 40), CUBE)
    below = np.zeros_like(inside)
    below[1:] = inside[1:] != inside[:-1]  # a surface lies between two such neighbours' centres
    assert (surface | np.roll(surface, 1, axis=0))[below].all()


def test_a_box_between_centres_is_exact():
    values = solid(*box((0.1, 0.2, 0.3), (0.6, 0.7, 0.8)), (10, 10, 10), UNIT)
    expected = np.zeros((10, 10, 10), dtype=bool)
    expected[1:6, 2:7, 3:8] = True
    assert (values == expected).all()


@given(st.lists(st.integers(0, 8), min_size=6, max_size=6), st.booleans())
def test_faces_edges_and_corners_on_centres_are_counted_once(numbers, mend):
    """A box whose faces lie on voxel centres or boundaries holds each centre inside, and half of those on its faces."""
    low, high = np.sort(np.array(numbers).reshape(2, 3) / 2, axis=0)
    vertices, faces = box(low, high)
    values = solid(vertices, faces, (4, 4, 4), (np.zeros(3), np.full(3, 4.0)), mend)
    centres = np.arange(4) + 0.5
    inner = np.einsum("i,j,k->ijk", *((centres > a) & (centres < b) for a, b in zip(low, high, strict=True)))
    outer = np.einsum("i,j,k->ijk", *((centres >= a) & (centres <= b) for a, b in zip(low, high, strict=True)))
    assert (values >= inner).all()
    assert (values <= outer).all()
    if not mend:
        sides = [((centres > a) & (centres <= b)).sum() for a, b in zip(low, high, strict=True)]
        other = [((centres >= a) & (centres < b)).sum() for a, b in zip(low, high, strict=True)]
        counts = {np.prod(each) for each in itertools.product(*zip(sides, other, strict=True))}
        assert values.sum() in counts


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
@settings(max_examples=60)
def test_no_ray_slips_through_a_closed_mesh(seed, pairs_at_once):
    """Tetrahedra with corners on and off centres: nothing leaks beyond the mesh's box, however chunks are cut."""
    rng = np.random.default_rng(seed)
    corners = np.where(rng.random((8, 3)) < 0.5, rng.integers(1, 8, (8, 3)) + 0.5, rng.uniform(1, 8, (8, 3)))
    faces = np.array([face for k in (0, 4) for face in itertools.combinations(range(k, k + 4), 3)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(voxelise, "PAIRS_AT_ONCE", pairs_at_once)
        values = solid(corners, faces, (9, 9, 9), (np.zeros(3), np.full(3, 9.0)))
    cells = np.argwhere(values) + 0.5
    assert (cells >= corners.min(axis=0) - 1e-9).all()
    assert (cells <= corners.max(axis=0) + 1e-9).all()
    assert (values == solid(corners, faces, (9, 9, 9), (np.zeros(3), np.full(3, 9.0)))).all()


def meets(triangle, cell):
    """Whether a convex combination of a triangle's corners lies in the unit cube at `cell`, by linear programming."""
    rows = np.concatenate([triangle.T, -triangle.T])
    limits = np.concatenate([cell + 0.5, 0.5 - cell])
    return linprog(np.zeros(3), A_ub=rows, b_ub=limits, A_eq=np.ones((1, 3)), b_eq=[1], method="highs").status == 0


def test_the_shell_of_random_triangles_is_what_linear_programming_says():
    rng = np.random.default_rng(5)
    size = 4
    for scale in (0.3, 1.0, 4.0):
        triangle = rng.uniform(0, size, 3) + rng.normal(0, scale, (3, 3))
        found = shell(triangle, np.array([[0, 1, 2]]), (size,) * 3, (np.zeros(3), np.full(3, float(size))))
        for cell in itertools.product(range(size), repeat=3):
            assert found[cell] == meets(triangle - 0.5, np.array(cell))


@pytest.mark.parametrize(
    ("corners", "cells"),
    [
        ([(0.2, 0.2, 0.2), (0.4, 0.2, 0.2), (0.2, 0.4, 0.3)], [(0, 0, 0)]),
        ([(0.5, 0.5, 0.5), (2.5, 0.5, 0.5), (0.5, 0.5, 0.5)], [(0, 0, 0), (1, 0, 0), (2, 0, 0)]),  # a segment
        ([(0.5, 0.5, 1), (0.6, 0.5, 1), (0.5, 0.6, 1)], [(0, 0, 0), (0, 0, 1)]),  # on a boundary: both sides
        ([(0.5, 0.9, 0.5), (0.9, 0.5, 0.5), (1.2, 1.2, 0.5)], [(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 0)]),
        ([(0.1, 1.2, 0.5), (1.1, 2.2, 0.5), (0.1, 2.2, 0.5)], [(0, 1, 0), (0, 2, 0), (1, 2, 0)]),  # not its whole box
        ([(5, 5, 5), (6, 5, 5), (5, 6, 5)], []),  # outside
    ],
)
def test_shells_by_hand(corners, cells):
    found = shell(np.array(corners, dtype=float), np.array([[0, 1, 2]]), (3, 3, 3), (np.zeros(3), np.full(3, 3.0)))
    assert [tuple(map(int, cell)) for cell in np.argwhere(found)] == cells


def test_bounds_and_axes_may_differ():
    vertices, faces = box((10, -3, 0.25), (14, -1, 0.75))
    bounds = (np.array([8, -4, 0]), np.array([16, 0, 1]))
    values = solid(vertices, faces, (8, 4, 2), bounds)
    assert np.argwhere(values).min(axis=0).tolist() == [2, 1, 0]  # a centre on the low face is in, on the high one out
    assert values.sum() == 4 * 2 * 1


def test_a_mesh_beyond_the_bounds_is_cut():
    vertices, faces = sphere(1.3, 40)
    vertices = vertices + np.array([0.0123, 0.0234, 0.0345])  # so that no corner lies on a boundary
    quarter = (np.full(3, -1.5), np.array([0, -0.5, 1.5]))
    for fill in (solid, shell):
        whole = fill(vertices, faces, (30, 30, 30), CUBE)
        assert (fill(vertices, faces, (15, 10, 30), quarter) == whole[:15, :10]).all()


def test_corners_stored_once_a_face_still_close():
    vertices, faces = sphere(1.3, 12)
    apart, numbered = vertices[faces].reshape(-1, 3), np.arange(3 * len(faces)).reshape(-1, 3)
    assert count_open_edges(apart, numbered) == 0
    assert (solid(apart, numbered, (9, 9, 9), CUBE) == solid(vertices, faces, (9, 9, 9), CUBE)).all()


def test_an_open_mesh_is_refused():
    vertices, faces = sphere(1.3, 12)
    with pytest.raises(UsageError, match=r"the mesh is open: 3 of its edges bound an odd number of faces.*; close it"):
        solid(vertices, faces[1:], (9, 9, 9), CUBE)


def test_rays_through_a_hole_abstain():
    """A box without two of its six sides: every ray along two of the axes goes through a hole."""
    vertices, faces = box([1, 1, 1], [3, 3, 3])
    bounds = (np.zeros(3), np.full(3, 4.0))
    open_on_two_sides = faces[[*range(2, 4), *range(6, 12)]]
    mended = solid(vertices, open_on_two_sides, (8, 8, 8), bounds, mend=True)
    assert (mended == solid(vertices, faces, (8, 8, 8), bounds)).all()


@pytest.mark.parametrize("mesh", [sphere(1.3, 40), torus(1, 0.4, 60)])
def test_a_mended_mesh_with_holes_is_nearly_the_whole_one(mesh):
    vertices, faces = mesh
    whole = solid(vertices, faces, (40, 40, 40), CUBE)
    assert (solid(vertices, faces, (40, 40, 40), CUBE, mend=True) == whole).mean() > 0.9999
    holed = faces[np.random.default_rng(3).random(len(faces)) > 0.02]
    mended = solid(vertices, holed, (40, 40, 40), CUBE, mend=True)
    assert (mended & whole).sum() / (mended | whole).sum() > 0.995
