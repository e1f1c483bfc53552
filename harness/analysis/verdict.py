"""What a run on a user's own signal comes to, in a few lines: who is best, at what cost, and where it still fails."""

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common.files import Unfit
from harness.analysis.comparison import Comparison, Place, comparisons, mean
from harness.analysis.winner import Outcome, Ranking
from harness.analysis.wording import notes, told
from harness.plan.trial import Trial
from harness.store.residual import load_residual
from harness.store.schema import Row, busy
from harness.store.store import Store
from target_signals.tasks.metrics import METRICS

if TYPE_CHECKING:
    import pandas as pd

BITS = 32  # of one stored value
BANDS = ("lowest", "low", "high", "highest")  # quarters of the frequencies up to Nyquist's
REGIONS = ("first", "middle", "last")  # thirds of an axis
IMAGE_REGIONS = (("top", "middle", "bottom"), ("left", "centre", "right"))


def tell(rows: "pd.DataFrame", out: str | Path, trials: Sequence[Trial]) -> str:
    """The verdict on every task of one signal's rows; empty when no row is ok."""
    names = {(t.task, t.model, t.budget, t.seed, t.signal_seed): t for trial in trials for t in trial.rows}
    lines: list[str] = []
    for comparison in sorted(comparisons(rows), key=lambda comparison: comparison.task):
        band = comparison.regions[-1]  # somebody's own signal has no others
        places = [(size, comparison.outcome(size, band)) for size in comparison.sizes]
        decided = [(size, outcome, outcome.first) for size, outcome in places if outcome.first]
        lines += [f"verdict, task {comparison.task}:"] if decided else []
        for size, outcome, ranking in decided:
            row = _row(comparison, Place(ranking.best, size, band))
            name = names[comparison.task, ranking.best, size, row["seed"], row["signal_seed"]]
            try:
                error = where_it_fails(load_residual(Store(out, name.folder).array_path(name.key), row))
            except (Unfit, OSError) as unfit:
                error = f"largest error: unknown, as its array cannot be used: {unfit}"
            lines += [
                f"  {_first(size, row, outcome)}",
                f"    {_quickest(comparison, size, band, ranking)}",
                f"    {error}",
            ]
        lines += [f"  {note}" for note in notes(outcome for _, outcome in places)] if decided else []
    return "\n".join(lines)


def _row(comparison: Comparison, place: Place) -> Row:
    """The row of a model's first draw that ended well."""
    return comparison.runs(place)[min(comparison.scores(place))].row


def _first(size: int, row: Row, outcome: Outcome) -> str:
    rate = f"{BITS * row['parameters'] / math.prod(row['shape']):.3g} bits a sample"
    return f"{size:,} parameters ({rate}): {told(outcome, METRICS['psnr'])}"


def _quickest(comparison: Comparison, size: int, band: float, ranking: Ranking) -> str:
    """Of the models that compete the one that gains most over the constant mean for each second of training."""
    places = [Place(model, size, band) for model in ranking.models]
    rows = {p.model: [comparison.runs(p)[draw].row for draw in comparison.scores(p)] for p in places}
    seconds = {model: mean(row["seconds"] for row in own) for model, own in rows.items()}
    constant = comparison.constant(band)
    gains = {model: score - constant for model, score in zip(ranking.models, ranking.means, strict=True)}
    rates = {model: gains[model] / max(seconds[model], 1e-3) for model in ranking.models}
    model = max(rates, key=lambda model: rates[model])
    doubtful = ", timed on a busy machine" if any(map(busy, rows[model])) else ""
    quickest = f"{model}, {rates[model]:.3g} dB a second over the mean, {seconds[model]:.2f} s"
    return f"most quality per second: {quickest}{doubtful}"


def where_it_fails(residual: np.ndarray) -> str:
    """The region and the frequency band of the largest error: residual [*shape, C]."""
    squared = residual.astype(np.float64) ** 2
    energy = squared.sum() or 1.0
    parts = [np.array_split(np.arange(n), 3) for n in residual.shape[:-1]]
    share = np.array([squared[np.ix_(*cell)].sum() for cell in itertools.product(*parts)]) / energy
    worst = np.unravel_index(int(share.argmax()), (3,) * len(parts))
    if len(parts) == 2:
        region = f"{IMAGE_REGIONS[0][worst[0]]} {IMAGE_REGIONS[1][worst[1]]}"
    else:
        region = ", ".join(f"{REGIONS[i]} third of axis {axis}" for axis, i in enumerate(worst))
    spectrum = np.abs(np.fft.fftn(residual, axes=range(len(parts)))).astype(np.float64) ** 2
    radius = np.sqrt(sum(f**2 for f in np.ix_(*[np.fft.fftfreq(n) for n in residual.shape[:-1]]))) / 0.5
    bands = np.minimum((radius * len(BANDS)).astype(int), len(BANDS) - 1)
    by_band = np.bincount(bands.ravel(), spectrum.sum(-1).ravel(), len(BANDS)) / (spectrum.sum() or 1.0)
    return (
        f"largest error: {region} ({share.max():.0%} of it in one of {share.size} parts), "
        f"{BANDS[int(by_band.argmax())]} quarter of the frequencies ({by_band.max():.0%})"
    )
