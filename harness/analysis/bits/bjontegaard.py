"""Bjøntegaard's differences: how far one rate–distortion curve lies from another.

G. Bjøntegaard, "Calculation of average PSNR differences between RD-curves", ITU-T VCEG-M33 (2001), with the piecewise
cubic interpolation of "Improvements of the BD-PSNR model", VCEG-AI11 (2008), which takes any number of points: PSNR and
the logarithm of the rate are interpolated (monotone, by PCHIP) as functions of each other, and their differences
averaged over the interval that both curves cover.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from harness.analysis import pareto


class Point(NamedTuple):
    """One point of a curve: bits a sample, and PSNR in dB."""

    rate: float
    psnr: float


def front(points: Sequence[Point]) -> list[Point]:
    """The points that no other one beats in both rate and PSNR, in rising order of both."""
    return pareto.front(points, attrgetter("rate"), attrgetter("psnr"))


def psnr_difference(curve: Sequence[Point], reference: Sequence[Point]) -> float | None:
    """The mean PSNR of `curve` minus that of `reference` over the logarithms of the rates that both cover, in dB; None
    where they share none. Both as `front` gives them."""
    return _difference([_by_rate(curve), _by_rate(reference)])


def rate_difference(curve: Sequence[Point], reference: Sequence[Point]) -> float | None:
    """The share by which `curve` takes more bits than `reference` at equal PSNR, over the PSNR that both cover: -0.2 is
    a fifth less. None where they share none. Both as `front` gives them."""
    mean = _difference([tuple(reversed(_by_rate(points))) for points in (curve, reference)])
    return None if mean is None else float(np.expm1(mean))


def psnr_at(curve: Sequence[Point], rate: float) -> float | None:
    """PSNR at a rate between two points of a curve, interpolated as differences are, in dB; None outside of it. The
    curve as `front` gives it."""
    from scipy.interpolate import PchipInterpolator

    if len(curve) < 2 or not curve[0].rate <= rate <= curve[-1].rate:
        return None
    return float(PchipInterpolator(*_by_rate(curve))(np.log(rate)))


def _by_rate(points: Sequence[Point]) -> tuple[np.ndarray, ...]:
    return np.log([point.rate for point in points]), np.array([point.psnr for point in points])


def _difference(curves: Sequence[tuple[np.ndarray, ...]]) -> float | None:
    """The mean of the first curve's y minus the second's over the x that both cover; each is x and y."""
    from scipy.interpolate import PchipInterpolator

    if any(len(x) < 2 for x, _ in curves):
        return None
    low, high = max(x[0] for x, _ in curves), min(x[-1] for x, _ in curves)
    if not low < high:
        return None
    integrate: list[Callable[[float, float], float]] = [PchipInterpolator(x, y).integrate for x, y in curves]
    first, second = (float(over(low, high)) for over in integrate)
    return (first - second) / (high - low)
