"""PSNR counted from the constant mean: at most 60 dB either way, and nothing where the signal is constant."""

import math

import pytest

from harness.analysis.gain import GAIN, described, gain, is_constant, learned_nothing, score


def row(psnr, constant, **more):
    return {"psnr": psnr, "psnr_constant": constant} | more


@pytest.mark.parametrize(
    ("psnr", "constant", "expected"),
    [
        (31.5, 10.0, 21.5),
        (8.0, 10.0, -2.0),
        (100.0, 40.0, 60.0),
        (160.0, 40.0, 60.0),  # capped
        (-90.0, 10.0, -60.0),
        (160.0, 158.9, 1.1),
        (160.0, 159.0, None),  # a constant signal, but for rounding
        (160.0, 160.0, None),
        (None, 10.0, None),
        (math.nan, 10.0, None),
        (30.0, None, None),
    ],
)
def test_a_gain_by_hand(psnr, constant, expected):
    found = gain(row(psnr, constant), "psnr")
    assert found == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("psnr", "constant", "expected"),
    [(10.04, 10.0, True), (10.06, 10.0, False), (5.0, 10.0, True), (160.0, 160.0, False), (None, 10.0, False)],
)
def test_less_than_a_twentieth_of_a_decibel_is_nothing_learned(psnr, constant, expected):
    assert learned_nothing(row(psnr, constant)) == expected


@pytest.mark.parametrize(("constant", "expected"), [(158.9, False), (159.0, True), (160.0, True), (None, False)])
def test_a_signal_is_constant_where_its_mean_has_159_db(constant, expected):
    assert is_constant(row(160.0, constant)) == expected


def test_across_bands_psnr_alone_is_counted_from_the_mean():
    own = row(30.0, 10.0, psnr_best=32.0, ssim=0.9)
    assert [score(own, metric) for metric in ("psnr", "psnr_best", "ssim", GAIN)] == [30, 32, 0.9, 20]
    assert [score(own, metric, over_bands=True) for metric in ("psnr", "psnr_best", "ssim", GAIN)] == [20, 22, 0.9, 20]
    names = ["PSNR", "PSNR", "SSIM", "PSNR gain"]
    assert [described(metric, False).name for metric in ("psnr", "psnr_best", "ssim", GAIN)] == names
    names = ["PSNR gain", "PSNR gain", "SSIM", "PSNR gain"]
    assert [described(metric, True).name for metric in ("psnr", "psnr_best", "ssim", GAIN)] == names
