"""What a search of settings found: gains of its trials, how sure the best is, what the dials do, and what it cost."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from common.dials import Choice, Setting
from harness.analysis.gain import gain, is_constant
from harness.analysis.significance import Difference, intervals
from harness.plan.search import FINALISTS, Candidate, Cell, space
from harness.plan.trial import Trial
from harness.store.schema import OK, Row
from harness.store.store import Store

FAILED = -math.inf  # the gain of a candidate one of whose fits failed: it can be no best
BAND = (0.1, 0.5, 0.9)  # quantiles over the orders in which the trials might have been made


@dataclass(frozen=True)
class SearchResult:
    """The rows of a cell's fits, None where there is none yet.

    rows: of each candidate, one for each signal. again: of each finalist, by its index, those from other initial
    values: by seed, then by signal.
    """

    cell: Cell
    rows: tuple[tuple[Row | None, ...], ...]
    again: Mapping[int, tuple[Row | None, ...]] = dataclasses.field(default_factory=dict)

    @cached_property
    def gains(self) -> list[float | None]:
        """Each candidate's mean PSNR over the constant mean, in dB, over the signals that are not constant.
        FAILED where a fit did not end well, None while one is missing."""
        return [_mean(own) for own in self.rows]

    @cached_property
    def finalists(self) -> list[int]:
        """The candidates that are fitted again: the best FINALISTS by gain, and trial 0. None before all have one."""
        if None in self.gains:
            return []
        ended = _ended(enumerate(self.gains))
        ranked = sorted(ended, key=lambda i: (-ended[i], i))
        return sorted({*ranked[:FINALISTS], *ended.keys() & {0}})

    @cached_property
    def scores(self) -> dict[int, float | None]:
        """Each finalist's mean gain over signals and seeds; FAILED and None as in `gains`."""
        return {i: _mean([*self.rows[i], *self.again.get(i, (None,))]) for i in self.finalists}

    @property
    def complete(self) -> bool:
        return None not in self.gains and None not in self.scores.values()

    @property
    def due(self) -> list[Trial]:
        """The fits of the finalists that have no row yet."""
        fits = {i: self.cell.again(i) for i in self.finalists}
        rows = {i: self.again.get(i, (None,) * len(own)) for i, own in fits.items()}
        return [fit for i, own in fits.items() for fit, row in zip(own, rows[i], strict=True) if row is None]

    @property
    def known(self) -> dict[int, float]:
        """The numbers by which the best is chosen: scores where the search is complete, until then gains, as far as
        they go."""
        return _ended(self.scores.items() if self.complete else enumerate(self.gains))

    @property
    def best(self) -> int | None:
        """The candidate of the greatest known value, the first of equals; None where none has ended well."""
        return max(self.known, key=lambda i: (self.known[i], -i), default=None)

    @property
    def candidate(self) -> Candidate | None:
        return None if self.best is None else self.cell.candidates[self.best]

    @property
    def seconds(self) -> float:
        """Seconds of training, all fits together."""
        every = [row for own in (*self.rows, *self.again.values()) for row in own if row is not None]
        return math.fsum(row["seconds"] or 0.0 for row in every)

    @property
    def failed(self) -> int:
        """Candidates of which a fit did not end well."""
        return [self.scores.get(i, gain) for i, gain in enumerate(self.gains)].count(FAILED)

    @property
    def improvement(self) -> Difference | None:
        """How far the best is ahead of trial 0 over the signals; None where one of the two did not end well.

        The best was chosen by these scores, so the interval says how it varies over signals, not whether it is real.
        """
        if self.best is None or 0 not in self.known:
            return None
        one, other = (self._by_signal(i) for i in (self.best, 0))
        apart = [[a - b] for a, b in zip(one, other, strict=True) if a is not None and b is not None]
        return intervals(np.array(apart))[0] if apart else None

    def _by_signal(self, index: int) -> list[float | None]:
        """A candidate's mean gain over seeds on each signal; None on a constant one."""
        seeds = [self.rows[index]]
        if self.complete:
            again, count = self.again[index], len(self.rows[index])
            seeds += [again[start : start + count] for start in range(0, len(again), count)]
        return [_gain(own) for own in zip(*seeds, strict=True)]

    def after(self, trials: int) -> tuple[float, float, float] | None:
        """The best gain of so many trials: quantiles BAND over all orders of those that were made, exactly."""
        known = sorted(value for value in self.gains if value is not None)
        if not 1 <= trials <= len(known):
            return None
        # P(the best of k of n is at most the j-th smallest) = C(j, k) / C(n, k)
        below = [math.comb(j, trials) / math.comb(len(known), trials) for j in range(1, len(known) + 1)]
        low, middle, high = (next(v for v, p in zip(known, below, strict=True) if p >= q - 1e-12) for q in BAND)
        return low, middle, high

    def sensitivity(self, setting: Setting) -> float | None:
        """The share of the variance between trials that one dial explains alone, 0 to 1: by a parabola in where it
        stands in its range, or by the groups of a choice; adjusted for what chance explains. None for too few trials.
        """
        ended = _ended(enumerate(self.gains))
        values = [self.cell.candidates[i].dials[setting.name] for i in ended]
        scores = np.array([*ended.values()], dtype=float)
        design = np.array([_features(setting, value) for value in values], dtype=float)
        freedom = len(scores) - (design.shape[1] if len(scores) else 0)
        if freedom < 2 or not (total := float(((scores - scores.mean()) ** 2).sum())):
            return None
        fitted = design @ np.linalg.lstsq(design, scores, rcond=None)[0]
        left = float(((scores - fitted) ** 2).sum())
        return max(0.0, 1 - (left / freedom) / (total / (len(scores) - 1)))


def search_results(cells: Sequence[Cell], out: str | Path) -> list[SearchResult]:
    """What a results folder holds of some searches."""

    def read(fits: Sequence[Trial]) -> tuple[Row | None, ...]:
        return tuple(Store(out, fit.folder).read(fit.key) for fit in fits)

    found = [SearchResult(cell, tuple(map(read, cell.fits))) for cell in cells]
    return [dataclasses.replace(one, again={i: read(one.cell.again(i)) for i in one.finalists}) for one in found]


def sensitivities(result: SearchResult) -> dict[str, float]:
    """The sensitivity to every dial that has one, the greatest first."""
    found = {setting.name: result.sensitivity(setting) for setting in space(result.cell.model)}
    known = {name: value for name, value in found.items() if value is not None}
    return dict(sorted(known.items(), key=lambda item: -item[1]))


def order(of_budget: Sequence[SearchResult], trial: int | None = None) -> list[tuple[str, float]]:
    """The models whose searches are complete, by gain, the best first: of one trial of each, or of each one's best."""
    chosen = [(one, one.best if trial is None else trial) for one in of_budget if one.complete]
    known = [(one.cell.model, one.known[i]) for one, i in chosen if i is not None and i in one.known]
    return sorted(known, key=lambda item: -item[1])


def _ended(values: Iterable[tuple[int, float | None]]) -> dict[int, float]:
    """The gains of candidates, by index, that are known and ended well."""
    return {i: value for i, value in values if value is not None and value != FAILED}


def _mean(rows: Sequence[Row | None]) -> float | None:
    if any(row is None for row in rows):
        return None
    if any(row["status"] != OK for row in rows if row is not None):
        return FAILED
    found = _gain(rows)
    return FAILED if found is None else found


def _gain(rows: Sequence[Row | None]) -> float | None:
    """The mean gain of rows that ended well, without those of constant signals; None where there is no other."""
    gains = [gain(row, "psnr") for row in rows if row is not None and not is_constant(row)]
    known = [value for value in gains if value is not None]
    return math.fsum(known) / len(known) if known else None


def _features(setting: Setting, value: Any) -> list[float]:
    """What a dial is fitted by: 1, its place in the range and the square of that; or one column for each option."""
    if isinstance(setting.dial, Choice):
        return [float(value == option) for option in setting.options]
    place = setting.dial.share(value)
    return [1.0, place, place**2]
