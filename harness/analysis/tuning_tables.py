"""The results of searches as Markdown: what was found, how sure it is, and whether models change places."""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

from common.grouped import grouped
from common.words import NO_SCORE, budget_text, duration
from harness.analysis.significance import Difference
from harness.analysis.tuning import FAILED, SearchResult, order, sensitivities

HEAD = "| model | trials | failed | trial 0 | best | ahead | found | after 1 | after 4 | after 8 | dials | time |"
NOTES = (
    "Gains over the constant mean in dB, means over the development signals; of trial 0 and the best also over the "
    "seeds of those that are fitted again. Trial 0 has the settings file's values. ahead: of trial 0, with its 95 % "
    "interval over the signals; the best was chosen by these scores. after k: the best of k trials by their first "
    "fits, the median over all orders of those made, and its 10th to 90th percentile. dials: the share of the variance "
    "between trials that each explains alone. time: of training, all fits."
)


def tables(every: Sequence[SearchResult]) -> str:
    """A table for each kind of data and budget, with the order of the models before and after; then the notes."""
    lines: list[str] = []
    first = every[0].cell.seed if every else 0
    for (kind, budget), here in grouped(every, attrgetter("cell.kind", "cell.budget")).items():
        own = [one for one in here if one.cell.seed == first]
        lines += [f"### {kind}, {budget_text(budget)} parameters", ""]
        lines += [HEAD, "|" + " --- |" * (HEAD.count("|") - 1)]
        lines += [_line(_cells(one)) for one in own]
        lines.append("")
        if orders := [*_orders(here)]:
            lines += [*orders, ""]
    return "\n".join([*lines, NOTES]) if lines else ""


def missing(every: Sequence[SearchResult]) -> list[str]:
    """One line for each kind, budget and seed that lacks trials."""
    lines = []
    for (kind, budget, seed), own in grouped(every, attrgetter("cell.kind", "cell.budget", "cell.seed")).items():
        if names := ", ".join(f"{one.cell.model} {_progress(one)}" for one in own if not one.complete):
            lines.append(f"{kind} at {budget_text(budget)}, search {seed}: {names}")
    return lines


def _orders(here: Sequence[SearchResult]) -> Iterator[str]:
    """The models in order at trial 0, and after each search."""
    searches = grouped(here, attrgetter("cell.seed"))
    first = next(iter(searches.values()))
    if len(before := order(first, 0)) < 2:
        return
    yield f"- trial 0: {_ranked(before)}"
    models = [model for model, _ in order(first)]
    for seed, own in searches.items():
        ranked = order(own)
        same = "the same" if [model for model, _ in ranked] == models else "another"
        yield f"- search {seed}: {_ranked(ranked)}" + ("" if own is first else f" ({same} order)")


def _ranked(models: Sequence[tuple[str, float]]) -> str:
    return ", ".join(f"{model} {value:.2f}" for model, value in models)


def _cells(one: SearchResult) -> list[str]:
    candidate = one.candidate
    found = NO_SCORE if candidate is None else ", ".join(f"{name} {_value(v)}" for name, v in candidate.dials.items())
    return [
        one.cell.model,
        _progress(one),
        f"{one.failed}",
        _gain(one.known.get(0, one.gains[0])),
        NO_SCORE if one.best is None else _gain(one.known[one.best]),
        _ahead(one.improvement),
        found,
        *(_after(one.after(trials)) for trials in (1, 4, 8)),
        ", ".join(f"{name} {value:.2f}" for name, value in sensitivities(one).items()) or NO_SCORE,
        duration(one.seconds),
    ]


def _progress(one: SearchResult) -> str:
    done = len(one.gains) - one.gains.count(None)
    if one.complete:
        return f"{done}"
    return f"{done} of {len(one.gains)}" if None in one.gains else f"{done}, {len(one.due)} fits again to go"


def _gain(value: float | None) -> str:
    return NO_SCORE if value is None else "failed" if value == FAILED else f"{value:.2f}"


def _after(quantiles: tuple[float, float, float] | None) -> str:
    if quantiles is None:
        return NO_SCORE
    low, middle, high = map(_gain, quantiles)
    return f"{middle} ({low} to {high})"


def _ahead(difference: Difference | None) -> str:
    if difference is None:
        return NO_SCORE
    interval = "" if difference.n < 2 else f" ({difference.low:+.2f} to {difference.high:+.2f})"
    return f"{difference.mean:+.2f}{interval}"


def _value(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
