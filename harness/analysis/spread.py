"""The mean of values; how far the scores of draws lie apart, and how much of that is due to the signal drawn and to the
fit's own seed."""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from harness.analysis.cell import Cell


class Spread(NamedTuple):
    """Standard deviations of one fit's score; NaN where the draws cannot tell.

    whole: among the draws of a model, budget and band. seeds: among seeds on one signal. signals: of the mean over
    infinitely many seeds, among signals. As a rule each seed draws its own signal, and only `whole` is known.
    """

    whole: float
    signals: float
    seeds: float


def mean(values: Iterable[float]) -> float:
    """The mean; NaN of no values."""
    known = list(values)
    return math.fsum(known) / len(known) if known else math.nan


def spread(scores: Mapping[Cell, float]) -> Spread:
    """Variances of each condition, pooled over the conditions; the components are those of a nested analysis of
    variance with random effects, from its mean squares (Searle, Casella and McCulloch, Variance Components, 1992,
    section 3.6)."""
    conditions: dict[object, list[float]] = {}
    nested: dict[object, dict[int, list[float]]] = {}
    for cell, score in scores.items():
        conditions.setdefault((cell.model, cell.size, cell.band), []).append(score)
        of_item = nested.setdefault((cell.model, cell.size, cell.band, cell.item), {})
        of_item.setdefault(cell.signal_seed, []).append(score)
    whole = mean(float(np.var(own, ddof=1)) for own in conditions.values() if len(own) > 1)
    fits = [own for signals in nested.values() for own in signals.values() if len(own) > 1]  # one alone has no variance
    free = sum(len(own) - 1 for own in fits)
    seeds = math.fsum(np.var(own) * len(own) for own in fits) / free if free else math.nan
    several = [list(signals.values()) for signals in nested.values() if len(signals) > 1] if free else []
    signals = max(0.0, mean(_among(own, seeds) for own in several)) if several else math.nan
    return Spread(math.sqrt(whole), math.sqrt(signals), math.sqrt(seeds))


def _among(signals: list[list[float]], seeds: float) -> float:
    """The variance of the signals' means beyond what the variance of the seeds alone gives them."""
    return float(np.var([np.mean(own) for own in signals], ddof=1) - seeds * np.mean([1 / len(own) for own in signals]))
