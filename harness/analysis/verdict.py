"""What a run on a user's own signal comes to, in a few lines: who is best, at what cost, and where it still fails."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from common.files import Unfit
from harness.analysis.comparison import Comparison, Place, comparisons, mean
from harness.analysis.largest_error import where_it_fails
from harness.analysis.winner import Outcome, Ranking
from harness.analysis.wording import notes, told
from harness.store.names import array_path
from harness.store.residual import load_residual
from harness.store.schema import Row, busy
from target_signals.tasks.metrics import METRICS

if TYPE_CHECKING:
    import pandas as pd

BITS = 32  # of one stored value


def tell(rows: "pd.DataFrame", out: str | Path) -> str:
    """The verdict on every task of one signal's rows; empty when no row is ok."""
    lines: list[str] = []
    for comparison in sorted(comparisons(rows), key=lambda comparison: comparison.task):
        band = comparison.regions[-1]  # somebody's own signal has no others
        places = [(size, comparison.outcome(size, band)) for size in comparison.sizes]
        decided = [(size, outcome, outcome.first) for size, outcome in places if outcome.first]
        lines += [f"verdict, task {comparison.task}:"] if decided else []
        for size, outcome, ranking in decided:
            row = _row(comparison, Place(ranking.best, size, band))
            try:
                error = where_it_fails(load_residual(array_path(out, row), row))
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
