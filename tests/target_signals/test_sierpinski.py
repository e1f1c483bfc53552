"""Sierpinski against a test of every pixel with every leaf, and against the paper's counts."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import target_signals.sierpinski as sierpinski
from target_signals import get_signal

ONES = [376229, 283783, 215020, 164758, 128607, 104254, 89828, 83487, 83465]
TRIANGLE = np.array([[35, 908.7018], [965, 908.7018], [500, 103.2982]])  # (x, y), y downward


def values(length, band, seed=1234):
    return get_signal("Sierpinski", 2, length, band, seed).values


def every_pixel_with_every_leaf(length, depth):
    """A leaf is the triangle scaled by 2^-depth towards a point: the mean of its path's corners, newest halved most."""
    centres = (np.arange(length) + 0.5) * 1000 / length
    x, y = centres[None, :], centres[:, None]
    inside = np.zeros((length, length), dtype=bool)
    for path in product(range(3), repeat=depth):
        a, b, c = TRIANGLE / 2**depth + sum(TRIANGLE[corner] / 2**level for level, corner in enumerate(path, 1))
        largest = np.full((length, length), -np.inf)
        for p, q, opposite in ((a, b, c), (b, c, a), (c, a, b)):
            normal = np.array([q[1] - p[1], p[0] - q[0]]) / np.hypot(*(q - p))
            normal = normal if normal @ (opposite - p) < 0 else -normal  # points away from the leaf
            largest = np.maximum(largest, normal[0] * (x - p[0]) + normal[1] * (y - p[1]))
        inside |= largest <= 0.78
    return inside & (x >= 35) & (x <= 965) & (y >= 103.2982) & (y <= 908.7018)


@pytest.mark.parametrize("depth", range(9))
def test_the_counts_are_the_papers_within_1251(depth):
    picture = values(1000, (depth + 1) / 10)
    assert abs(int(picture.sum()) - ONES[depth]) <= (25 if depth < 6 else 1251)


@pytest.mark.parametrize("depth", range(4))
def test_every_pixel_of_the_picture(depth):
    assert (values(1000, (depth + 1) / 10) == every_pixel_with_every_leaf(1000, depth)).all()


@given(st.integers(2, 90), st.integers(0, 5), st.integers(1, 10**5))
@settings(max_examples=30)
def test_every_pixel_of_any_length_and_chunk(length, depth, leaves_at_once):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sierpinski, "LEAVES_AT_ONCE", leaves_at_once)
        assert (values(length, (depth + 1) / 10) == every_pixel_with_every_leaf(length, depth)).all()


@pytest.mark.parametrize(("length", "depth"), [(64, 7), (127, 0), (127, 4), (83, 0), (83, 4)])
def test_the_deepest_leaves_and_lengths_where_the_window_cuts_the_outline(length, depth):
    assert (values(length, (depth + 1) / 10) == every_pixel_with_every_leaf(length, depth)).all()


@pytest.mark.parametrize("depth", [0, 4, 8])
def test_no_pixel_hangs_on_rounding(depth, monkeypatch):
    picture = values(1000, (depth + 1) / 10)
    for outline in (0.78 - 1e-9, 0.78 + 1e-9):
        monkeypatch.setattr(sierpinski, "OUTLINE", outline)
        assert (values(1000, (depth + 1) / 10) == picture).all()


@pytest.mark.parametrize("depth", range(9))
def test_the_leaves_are_distinct_and_symmetric(depth):
    corners = sierpinski.leaf_corners(depth)
    width = 930 / 2**depth
    assert len(np.unique(corners.round(6), axis=0)) == 3**depth
    mirrored = np.column_stack([1000 - corners[:, 0] - width, corners[:, 1]])
    assert {tuple(c) for c in mirrored.round(6)} == {tuple(c) for c in corners.round(6)}


def test_rows_run_downward_and_the_picture_is_symmetric():
    picture = values(1000, 0.5)
    assert (picture == picture[:, ::-1]).all()
    assert picture[110].sum() < picture[900].sum()
    assert not picture[:103].any()
    assert not picture[909:].any()


def test_the_dial_is_rounded_to_a_depth():
    assert (values(200, 0.1 + 0.2) == values(200, 0.3)).all()
    assert (values(200, 0.1 * 7) == values(200, 0.7)).all()
    assert (values(200, 1 - 0.1 * 4) == values(200, 0.6)).all()
    assert (values(200, 0.29999999) == values(200, 0.3)).all()
    assert (values(200, 0.29) == values(200, 0.2)).all()


@pytest.mark.parametrize("depth", range(9))
def test_pixels_are_looked_at_near_leaves_alone_and_in_portions(depth, calls):
    """However many leaves there are, fewer pixels than the picture has; at once one leaf's or half a million."""
    looked = calls(np, "nonzero")
    assert values(1000, (depth + 1) / 10).any()
    sizes = [near.size for (near,) in looked]
    assert sum(sizes) < 1000**2
    assert depth == 0 or max(sizes) <= sierpinski.LEAVES_AT_ONCE
