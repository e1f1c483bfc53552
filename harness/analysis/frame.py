"""The range of a scale that keeps differences visible: a few values that lie far from the others are left outside."""

from collections.abc import Iterable, Sequence

import numpy as np

from target_signals.tasks.metrics import Metric

REACH = 1.5  # quartile ranges beyond a quartile at which Tukey's fences stand
LOSSLESS = 80.0  # dB; beyond it, a difference of scores says little


def within(scores: Iterable[float], metric: Metric) -> list[float]:
    """The scores that a scale has to hold: without lossless ones, of some 150 dB, where there are others."""
    every = list(scores)
    return [score for score in every if metric.unit != "dB" or abs(score) <= LOSSLESS] or every


def frame(values: Sequence[float]) -> tuple[float, float]:
    """The least and greatest of the values within Tukey's fences. values: one at least."""
    low, high = np.quantile(values, [0.25, 0.75])
    reach = REACH * (high - low)
    inside = [value for value in values if low - reach <= value <= high + reach]
    return min(inside), max(inside)
