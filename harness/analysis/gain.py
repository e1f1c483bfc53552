"""Which number of a row enters a mean: its score at one band, and its gain over the constant mean across bands.

Bands differ too much for a mean of PSNR: 160 dB of a signal that is represented exactly and 20 dB of a fine one would
make 90. Across bands PSNR is therefore counted from what the signal's constant mean reaches, and at most CAP of it.
There the error is a thousandth of the signal's own standard deviation, less than rounding to 8 bits leaves, which is a
thousandth of the whole range (59 dB); beyond, rounding decides and not the representation.
"""

import math
from collections.abc import Mapping
from typing import Any

from harness.store.facts import finite
from harness.store.schema import SCORES
from target_signals.tasks.metrics import METRICS, MSE_FLOOR, Metric

CAP = 60.0  # dB of gain, and of loss
LOSSLESS = 80.0  # dB; beyond it, a difference of scores says little
LEAST_GAIN = 0.05  # dB, with less of which a fit has learned nothing
GAIN = "gain"  # in place of a metric's name
EXACT = -10 * math.log10(MSE_FLOOR) - 1  # dB; a constant mean that reaches this is the signal


def score(row: Mapping[str, Any], metric: str, over_bands: bool = False) -> float | None:
    """A row's score by a column such as `psnr`, `ssim_best` or by GAIN; None where it has none.

    over_bands: it enters a mean over bands, so in place of PSNR stands the gain.
    """
    if metric == GAIN:
        return gain(row, "psnr")
    return gain(row, metric) if over_bands and is_psnr(metric) else finite(row.get(metric))


def gain(row: Mapping[str, Any], column: str) -> float | None:
    """PSNR above what the constant mean reaches, within ±CAP dB; None for a constant signal, which leaves no gain."""
    psnr, constant = finite(row.get(column)), finite(row.get("psnr_constant"))
    if psnr is None or constant is None or constant >= EXACT:
        return None
    return min(max(psnr - constant, -CAP), CAP)


def learned_nothing(row: Mapping[str, Any]) -> bool:
    """Whether the fit of a row is no better than the truth's own mean; of a constant signal there is nothing to
    learn."""
    found = gain(row, "psnr")
    return found is not None and found < LEAST_GAIN


def is_constant(row: Mapping[str, Any]) -> bool:
    """Whether the row's signal is constant, as some of the coarsest bands are: those are the same signal."""
    constant = finite(row.get("psnr_constant"))
    return constant is not None and constant >= EXACT


def is_psnr(metric: str) -> bool:
    """Whether a column is PSNR of one kind or another, such as `psnr_best`."""
    return SCORES.get(metric) == "psnr"


def described(metric: str, over_bands: bool) -> Metric:
    """The metric that `score` gives: name, unit, digits."""
    if metric == GAIN or (over_bands and is_psnr(metric)):
        return METRICS["psnr"]._replace(name="PSNR gain")
    return METRICS[SCORES[metric]]
