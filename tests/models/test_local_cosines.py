"""Local cosines: orthonormal for every length, and smooth across the edges of blocks."""

import numpy as np
import pytest

from models.local_cosines import blocks, matrix


@pytest.mark.parametrize(("n", "length"), [(64, 8), (345, 32), (13, 8), (5, 8), (1, 8), (7, 1), (100, 32)])
def test_orthonormal(n, length):
    basis = matrix(n, length)
    assert np.abs(basis @ basis.T - np.eye(n)).max() < 1e-12


def test_blocks_are_about_as_long_as_asked():
    assert blocks(345, 32) == [32, 32, 32, 32, 31, 31, 31, 31, 31, 31, 31]
    assert blocks(10, 32) == [10]


def test_functions_overlap_their_neighbours_and_fade():
    first = matrix(64, 16)[16]  # the lowest frequency of the second block, samples 16 to 31
    assert not first[:8].any()
    assert not first[40:].any()
    assert first[8:16].any()
    assert np.abs(np.diff(first)).max() < 0.1, "a jump at an edge"
