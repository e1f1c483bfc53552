"""What a run on a user's own signals comes to, a few lines a task: who is best, at what cost, and what to run next."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from common.files import Unfit
from common.words import LEARNED_NOTHING
from harness.analysis.comparison import Comparison, Place, comparisons
from harness.analysis.gain import LEAST_GAIN
from harness.analysis.left_out import lines
from harness.analysis.own_file import stored_bytes
from harness.analysis.own_file.budgets import rise, told_rise
from harness.analysis.own_file.largest_error import where_it_fails
from harness.analysis.own_file.next_run import Advice, Available, advise
from harness.analysis.spread import mean
from harness.analysis.winner import ALONE, TIE, Outcome, Ranking, differences, estimate
from harness.analysis.wording import alone, difference
from harness.store.facts import busy
from harness.store.names import array_path, known
from harness.store.residual import load_residual
from harness.store.schema import OK, Row
from target_signals.item_names import names_of
from target_signals.tasks.metrics import METRICS

PSNR = METRICS["psnr"]


def tell(rows: Iterable[Row], out: str | Path, available: Available | None = None) -> str:
    """The verdict on every task of a user's own signals at the largest budget; empty when no row is ok.

    available: what the next run may use; None for no advice.
    """
    said: list[str] = []
    advice: list[Advice] = []
    usable = filter(_is_usable, rows)
    for comparison in sorted(comparisons(usable), key=lambda comparison: comparison.kind.task):
        band = comparison.regions[-1]  # somebody's own signal has no others
        for size in reversed(comparison.sizes):
            outcome = comparison.outcome(size, band)
            if outcome.first:
                said.append("\n".join(_of_task(comparison, size, band, outcome, out)))
                advice += [] if available is None else advise(comparison, size, band, outcome, available)
                break
    told = "\n\n".join(said)
    if advice and available is not None:
        first = min(advice, key=lambda one: one.rank)
        told += f"\nnext, as {first.why}:\n  {available.command(first.options)}"
    return told


def _is_usable(row: Mapping[Any, Any]) -> bool:
    """Whether a row that ended well says what a verdict needs, as every row of a run does, but not everybody's."""
    shape = row["shape"]
    fits = row["dim"] in (2, 3) and isinstance(shape, list) and len(shape) == row["dim"] + 1 and min(shape) > 0
    return row["status"] != OK or (fits and known(row["parameters"]) is not None and known(row["seconds"]) is not None)


def _of_task(comparison: Comparison, size: int, band: float | None, outcome: Outcome, out: str | Path) -> Iterable[str]:
    first = outcome.first
    assert first is not None
    place = Place(first.best, size, band)
    rows = comparison.ended(place)
    over = f"95 % intervals over {first.replicates} {first.over}, each for itself"
    sure = over if first.replicates > 1 else "one draw, so there are no intervals"
    yield f"verdict, task {comparison.kind.task}, at {size:,} parameters ({sure}):"
    yield f"  best trained model: {_trained(comparison, size, band, outcome)}"
    yield f"  best yardstick, not trained: {_yardstick(comparison, size, band, outcome)}"
    yield f"  stored: {stored_bytes.told(rows, out)}"
    if where := stored_bytes.where(rows, out):
        yield f"  {where}"
    if outcome.trained:
        score = estimate(comparison.scores(place))
        yield f"  more budget: {told_rise(rise(comparison, place), score)}"
    yield f"  most quality per second: {_quickest(comparison, size, band, first)}"
    yield f"  {_largest_error(rows, out)}"
    yield from (f"  {line}" for line in lines(outcome.compared))


def _trained(comparison: Comparison, size: int, band: float | None, outcome: Outcome) -> str:
    ranking = outcome.trained
    if ranking is None:
        return _nobody(any(model not in comparison.classical for model in comparison.models))
    score = f"{ranking.best}, {difference(estimate(comparison.scores(Place(ranking.best, size, band))), PSNR)}"
    if ranking.verdict == ALONE:
        return score + alone("trained model")
    if ranking.verdict == TIE:
        rest = f" and {len(ranking.tied) - 1} more" if len(ranking.tied) > 1 else ""
        lead = ranking.leads[ranking.models.index(ranking.tied[0]) - 1]
        return f"{score}, not told apart from {ranking.tied[0]}{rest} ({difference(lead, PSNR)} ahead)"
    return f"{score}, {difference(ranking.leads[0], PSNR)} ahead of {ranking.models[1]}"


def _yardstick(comparison: Comparison, size: int, band: float | None, outcome: Outcome) -> str:
    if outcome.yardsticks is None:
        return _nobody(any(model in comparison.classical for model in comparison.models))
    best = outcome.yardsticks.best
    scores = comparison.scores(Place(best, size, band))
    score = f"{best}, {difference(estimate(scores), PSNR)}"
    if outcome.trained is None:
        return score
    trained = outcome.trained.best
    found = differences(scores | comparison.scores(Place(trained, size, band)), trained, PSNR).get(best)
    if found is None:
        return score
    ahead = f"{difference(found, PSNR)} ahead of" if found.mean >= 0 else f"{difference(-found, PSNR)} behind"
    return f"{score}, {ahead} {trained}"


def _nobody(run: bool) -> str:
    return "none has a score in every case" if run else "none was run"


def _quickest(comparison: Comparison, size: int, band: float | None, ranking: Ranking) -> str:
    """The competing model that gains most over the constant mean for each second of training, of those that learned
    something."""
    rows = {model: comparison.ended(Place(model, size, band)) for model in ranking.models}
    seconds = {model: mean(row["seconds"] for row in own) for model, own in rows.items()}
    constant = comparison.constant(Place(ranking.best, size, band))
    if math.isnan(constant):
        return "not known, as no row has the score of the constant mean"
    gains = {model: score - constant for model, score in zip(ranking.models, ranking.means, strict=True)}
    rates = {model: gain / max(seconds[model], 1e-3) for model, gain in gains.items() if gain >= LEAST_GAIN}
    if not rates:
        return f"none, as every model {LEARNED_NOTHING}"
    model = max(rates, key=lambda model: rates[model])
    doubtful = ", timed on a busy machine" if any(map(busy, rows[model])) else ""
    if len({row["device"] for own in rows.values() for row in own}) > 1:
        doubtful += "; the models were timed on different machines or threads"
    return f"{model}, {rates[model]:.3g} dB a second over the mean, {seconds[model]:.2f} s{doubtful}"


def _largest_error(rows: Sequence[Row], out: str | Path) -> str:
    """Where the best model fails: on the first draw, or of several items on the one with the lowest score."""
    several = len({row["item"] for row in rows}) > 1
    row = min(rows, key=lambda row: row["psnr"]) if several else rows[0]
    try:
        residual = load_residual(array_path(out, row), row)
        if residual.ndim != row["dim"] + 1:
            raise Unfit(f"it has {residual.ndim} axes")
        text = where_it_fails(residual)
    except (Unfit, OSError) as unfit:
        text = f"largest error: unknown, as its array cannot be used: {unfit}"
    if not several:
        return text
    called = names_of({row["item"] for row in rows})[row["item"]]
    return f"lowest score: {called}, {PSNR.text(row['psnr'])} dB; {text}"
