"""Which differences between models survive the spread over draws: paired tests and average ranks.

Paired tests: Wilcoxon's signed-rank test (1945) over the draws that two models share, with Holm's correction (1979)
over all pairs of models. Average ranks: Friedman's test and Nemenyi's critical difference, as J. Demšar,
Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7, 2006, sections 3.2.2 and 3.2.3.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np

ALPHA = 0.05


@dataclass(frozen=True)
class Pair:
    """Two models, by their columns. difference: mean of first − second over the n draws that both have.

    p: two-sided; adjusted: after Holm. NaN without a shared draw.
    """

    first: int
    second: int
    n: int
    difference: float
    p: float
    adjusted: float


@dataclass(frozen=True)
class Ranks:
    """average: one rank a model, 1 the best. sets: how many data sets it is over. friedman: the p of no difference.

    critical: average ranks that differ by less are not told apart at ALPHA.
    """

    average: tuple[float, ...]
    sets: int
    critical: float
    friedman: float


def paired_tests(scores: np.ndarray) -> list[Pair]:
    """Every pair of columns of scores [draws, models]; NaN where a draw has no score."""
    pairs = list(itertools.combinations(range(scores.shape[1]), 2))
    differences = [scores[:, a] - scores[:, b] for a, b in pairs]
    differences = [d[np.isfinite(d)] for d in differences]
    p = signed_rank(differences)
    return [
        Pair(a, b, len(d), float(d.mean()) if len(d) else math.nan, before, after)
        for (a, b), d, before, after in zip(pairs, differences, p, holm(p), strict=True)
    ]


def signed_rank(samples: list[np.ndarray]) -> list[float]:
    """The p-value of Wilcoxon's signed-rank test of each sample of differences; 1 when all are 0, NaN when empty."""
    from scipy.stats import wilcoxon

    p = [math.nan] * len(samples)
    alike: dict[int, list[int]] = {}  # by length: those that one call can test without changing each other's method
    for i, sample in enumerate(samples):
        sizes = np.abs(sample)
        if not len(sample):
            continue
        if not sizes.any():
            p[i] = 1.0
        elif sizes.min() == 0 or len(np.unique(sizes)) < len(sizes):
            p[i] = float(wilcoxon(sample).pvalue)
        else:
            alike.setdefault(len(sample), []).append(i)
    for indices in alike.values():
        found = wilcoxon(np.stack([samples[i] for i in indices]), axis=1).pvalue
        for i, value in zip(indices, found, strict=True):
            p[i] = float(value)
    return p


def holm(p: list[float]) -> list[float]:
    """Holm's step-down adjustment; NaNs are no tests and stay."""
    order = sorted((i for i, value in enumerate(p) if not math.isnan(value)), key=lambda i: p[i])
    adjusted, greatest = list(p), 0.0
    for step, i in enumerate(order):
        greatest = max(greatest, min(1.0, (len(order) - step) * p[i]))
        adjusted[i] = greatest
    return adjusted


def rank(scores: np.ndarray, higher_is_better: bool = True) -> Ranks | None:
    """Ranks over scores [data sets, models]; an infinite one is a failure and ranks last.

    Data sets with a NaN are left out; None where fewer than two models or data sets remain.
    """
    from scipy.stats import friedmanchisquare, rankdata, studentized_range

    whole = scores[~np.isnan(scores).any(axis=1)]
    sets, models = whole.shape
    if sets < 2 or models < 2:
        return None
    worst_last = np.where(np.isinf(whole), np.inf, -whole if higher_is_better else whole)
    ranks = rankdata(worst_last, axis=1)
    # quantiles of the studentised range over √2 are those of Demšar's table 5
    quantile = float(studentized_range.ppf(1 - ALPHA, models, np.inf)) / math.sqrt(2)
    friedman = math.nan
    if models > 2:
        differ = (ranks != ranks[:, :1]).any()
        friedman = float(friedmanchisquare(*ranks.T).pvalue) if differ else 1.0
    critical = quantile * math.sqrt(models * (models + 1) / (6 * sets))
    return Ranks(tuple(map(float, ranks.mean(axis=0))), sets, critical, friedman)
