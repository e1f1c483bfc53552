"""SparseSphereSignal against the distance of every cell to its nearest centre, found by a tree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

import target_signals.spheres as spheres
from target_signals import get_signal

BANDS = [k / 10 for k in range(1, 10)]
# int(0.1 L² / πR²) and int(0.1 L³ / (4/3 πR³)) with R = L / (100 bandlimit): the length cancels
NUMBERS = {2: [3, 12, 28, 50, 79, 114, 155, 203, 257], 3: [23, 190, 644, 1527, 2984, 5156, 8188, 12223, 17403]}


def values(dim, length, band, seed=1234):
    return get_signal("SparseSphereSignal", dim, length, band, seed).values


def by_nearest_centre(length, centres, radius):
    dim = centres.shape[1]
    cells = np.stack(np.indices((length,) * dim), axis=-1)  # [*shape, dim]
    return cKDTree(centres).query(cells)[0] <= radius


@pytest.mark.parametrize(("dim", "length"), [(2, 300), (3, 40)])
@pytest.mark.parametrize("band", BANDS)
def test_a_cell_is_one_within_the_radius_of_a_centre(dim, length, band):
    number = NUMBERS[dim][round(10 * band) - 1]
    centres = np.random.RandomState(1234).uniform(0, length, (number, dim))
    expected = by_nearest_centre(length, centres, length / (100 * band))
    assert expected.any()
    assert (values(dim, length, band) == expected).all()


@given(st.sampled_from([2, 3]), st.integers(2, 24), st.floats(0.01, 9), st.integers(1, 2000), st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_stamping_agrees_for_any_radius_length_and_chunk(dim, length, radius, cells_at_once, seed):
    centres = np.random.RandomState(seed).uniform(0, length, (7, dim))
    stamped = np.zeros((length,) * dim)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spheres, "CELLS_AT_ONCE", cells_at_once)
        spheres.stamp(stamped, centres, radius)
    assert (stamped == by_nearest_centre(length, centres, radius)).all()


def test_a_cell_at_exactly_the_radius_is_inside_and_nothing_wraps_around():
    stamped = np.zeros((12, 12))
    spheres.stamp(stamped, np.array([[0.0, 6.0]]), 5.0)
    assert stamped[5, 6] == stamped[0, 1] == stamped[0, 11] == stamped[3, 2] == stamped[4, 9] == 1  # 3² + 4² = 5²
    assert stamped[6, 6] == stamped[5, 5] == stamped[0, 0] == 0
    assert not stamped[6:].any()


@pytest.mark.parametrize(("dim", "volume"), [(1, 6), (2, np.pi * 9), (3, np.pi * 36)])
def test_ball_volume(dim, volume):
    assert spheres.ball_volume(dim, 3) == pytest.approx(volume, rel=1e-14)


@pytest.mark.parametrize(("dim", "length"), [(2, 1000), (3, 100)])
@pytest.mark.parametrize("band", BANDS)
def test_cells_are_looked_at_near_balls_alone_and_in_portions(dim, length, band, calls):
    """However many balls there are, about as many cells as the lattice has; at once one ball's or half a million."""
    looked = calls(np, "nonzero")
    assert values(dim, length, band).any()
    sizes = [near.size for (near,) in looked]
    assert sum(sizes) < 1.5 * length**dim
    assert max(sizes) <= max(spheres.CELLS_AT_ONCE, (2 * length / (100 * band) + 2) ** dim)
