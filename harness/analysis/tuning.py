"""What a search of settings found: gains of its trials, how sure the best is, what the dials do, and what it cost."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from common.dials import Choice, Setting
from harness.analysis.gain import gain, is_constant
from harness.analysis.significance import Difference, intervals
from harness.plan.search import Candidate, Cell, space
from harness.store.schema import OK, Row
from harness.store.store import Store

FAILED = -math.inf  # the gain of a candidate one of whose fits failed: it can be no best
BAND = (0.1, 0.5, 0.9)  # quantiles over the orders in which the trials might have been made


@dataclass(frozen=True)
class Outcome:
    """The rows of a cell's fits: of each candidate, one for each signal, None where there is none yet."""

    cell: Cell
    rows: tuple[tuple[Row | None, ...], ...]

    @cached_property
    def gains(self) -> list[float | None]:
        """Of each candidate: the mean PSNR over the constant mean, in dB, over the signals that are not constant.
        FAILED where a fit did not end well, None while one is missing."""
        return [_mean(own) for own in self.rows]

    @property
    def complete(self) -> bool:
        return None not in self.gains

    @property
    def best(self) -> int | None:
        """The candidate of the greatest gain, the first of equals; None where none has ended well."""
        known = [(value, -i) for i, value in enumerate(self.gains) if value is not None and value != FAILED]
        return -max(known)[1] if known else None

    @property
    def best_gain(self) -> float | None:
        return None if self.best is None else self.gains[self.best]

    @property
    def candidate(self) -> Candidate | None:
        return None if self.best is None else self.cell.candidates[self.best]

    @property
    def seconds(self) -> float:
        """Of training, all fits together."""
        return math.fsum(row["seconds"] or 0.0 for own in self.rows for row in own if row is not None)

    @property
    def failed(self) -> int:
        """Candidates of which a fit did not end well."""
        return self.gains.count(FAILED)

    @property
    def improvement(self) -> Difference | None:
        """How far the best is ahead of trial 0 over the signals; None where one of the two did not end well.

        The best was chosen by these scores, so the interval says how it varies over signals, not whether it is real.
        """
        if self.best is None or self.gains[0] in (None, FAILED):
            return None
        pairs = [
            (gain(one, "psnr"), gain(other, "psnr"))
            for one, other in zip(self.rows[self.best], self.rows[0], strict=True)
            if one is not None and other is not None
        ]
        apart = [[one - other] for one, other in pairs if one is not None and other is not None]
        return intervals(np.array(apart))[0] if apart else None

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
        ended = [(one, value) for one, value in zip(self.cell.candidates, self.gains, strict=True) if _ended(value)]
        values = [candidate.dials[setting.name] for candidate, _ in ended]
        scores = np.array([value for _, value in ended], dtype=float)
        design = np.array([_features(setting, value) for value in values], dtype=float)
        freedom = len(scores) - (design.shape[1] if len(scores) else 0)
        if freedom < 2 or not (total := float(((scores - scores.mean()) ** 2).sum())):
            return None
        fitted = design @ np.linalg.lstsq(design, scores, rcond=None)[0]
        left = float(((scores - fitted) ** 2).sum())
        return max(0.0, 1 - (left / freedom) / (total / (len(scores) - 1)))


def outcomes(cells: Sequence[Cell], out: str | Path) -> list[Outcome]:
    """What a results folder holds of some searches."""
    return [
        Outcome(cell, tuple(tuple(Store(out, fit.folder).read(fit.key) for fit in own) for own in cell.fits))
        for cell in cells
    ]


def sensitivities(outcome: Outcome) -> dict[str, float]:
    """Of every dial that has one, the greatest first."""
    found = {setting.name: outcome.sensitivity(setting) for setting in space(outcome.cell.model)}
    known = {name: value for name, value in found.items() if value is not None}
    return dict(sorted(known.items(), key=lambda item: -item[1]))


def order(of_budget: Sequence[Outcome], trial: int | None = None) -> list[tuple[str, float]]:
    """The models by gain, the best first: of one trial of each, or of each one's best."""
    gains = {one.cell.model: one.best_gain if trial is None else one.gains[trial] for one in of_budget if one.complete}
    known = [(model, value) for model, value in gains.items() if value is not None and value != FAILED]
    return sorted(known, key=lambda item: -item[1])


def _ended(value: float | None) -> bool:
    return value is not None and value != FAILED


def _mean(rows: Sequence[Row | None]) -> float | None:
    if any(row is None for row in rows):
        return None
    if any(row["status"] != OK for row in rows if row is not None):
        return FAILED
    gains = [gain(row, "psnr") for row in rows if row is not None and not is_constant(row)]
    known = [value for value in gains if value is not None]
    return math.fsum(known) / len(known) if known else FAILED


def _features(setting: Setting, value: Any) -> list[float]:
    """What a dial is fitted by: 1, its place in the range and the square of that; or one column for each option."""
    if isinstance(setting.dial, Choice):
        return [float(value == option) for option in setting.options]
    place = setting.dial.share(value)
    return [1.0, place, place**2]
