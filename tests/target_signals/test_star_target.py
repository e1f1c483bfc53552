"""StarTarget against whole-number geometry: wedges by angle, rings by squared distance, counts by ring."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_signals import get_signal

RINGS = [8945, 26788, 44636, 62604, 80460, 98212, 116188, 134100, 151804]  # inner → outer


@pytest.fixture(scope="module")
def star():
    return get_signal("StarTarget")


def test_the_counts_are_those_of_the_specification(star):
    assert int(star.values.sum()) == 363513
    assert [int(ring.sum()) for ring in star.rings] == RINGS[::-1]


def test_the_rings_part_the_open_disc_outermost_first(star):
    assert len(star.rings) == 9
    assert all(ring.dtype == bool and ring.shape == (1000, 1000) for ring in star.rings)
    row, col = np.indices((1000, 1000)) - 500
    squared = row**2 + col**2  # exact
    assert (sum(ring.astype(int) for ring in star.rings) == (squared < 480**2)).all()
    for k, ring in enumerate(star.rings):  # inner radius 160 (8 - k) / 3
        inner = 9 * squared >= (160 * (8 - k)) ** 2
        assert (ring == (inner & (9 * squared < (160 * (9 - k)) ** 2))).all()


def test_the_borders_are_where_the_specification_puts_them(star):
    picture, outermost = star.values, star.rings[0]
    assert picture[500, 980] == 1  # the rim belongs to the star
    assert not outermost[500, 980]  # and to no ring
    assert outermost[500, 979]
    assert star.rings[8][500, 500]
    assert star.rings[5][500, 660]  # distance 160 opens the fourth ring from the centre
    assert star.rings[6][500, 659]
    assert picture[500, 20] == 1  # angle 180°: sector 40 begins there
    assert picture[900, 500] == 1  # 90°: sector 20
    assert picture[800, 800] == picture[200, 800] == picture[800, 200] == 1  # 45°, -45° and 135°: sectors ±10 and 30
    assert picture[499, 900] == 0  # just before 0°: sector -1
    assert not picture[:, :20].any()
    assert not picture[981:].any()


def test_every_ring_of_the_circle_holds_forty_wedges(star):
    angle = np.radians(np.arange(0, 360, 0.1) + 0.05)
    around = star.values[
        (500 + 450 * np.sin(angle)).round().astype(int), (500 + 450 * np.cos(angle)).round().astype(int)
    ]
    assert (np.diff(np.append(around, around[0])) != 0).sum() == 80


@given(st.integers(2, 40))
@settings(max_examples=30)
def test_any_length_samples_the_picture_at_i_times_1000_over_length(length):
    signal = get_signal("StarTarget", 2, length)
    for i in range(length):
        for j in range(length):
            dy, dx = Fraction(1000 * i, length) - 500, Fraction(1000 * j, length) - 500
            sector = math.floor(math.atan2(dy, dx) * 40 / math.pi + 1e-9)
            assert signal.values[i, j] == (dx * dx + dy * dy <= 480**2 and sector % 2 == 0)
    assert len(signal.rings) == 9
