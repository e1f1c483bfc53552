"""What a comparison lacks, in lines of text: rows, runs that ended well, and what some pages are drawn from."""

from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path

from common.grouped import grouped
from common.words import budget_text, plural
from harness.analysis import timing
from harness.analysis.comparison import Comparison, Place
from harness.analysis.winner import BASELINE
from harness.store.schema import OK


def of_rows(comparison: Comparison, models: Sequence[str]) -> list[str]:
    """Rows that are not there, failures, rows passed over. models: those that should have rows."""
    return [*_absent(comparison, models), *_failed(comparison), *_left_out(comparison)]


def lacks_metric(comparison: Comparison) -> bool:
    """Whether rows ended well and yet none has the metric, such as the IoU of a signal that is not binary."""
    ended_well = any(row["status"] == OK for runs in comparison.places.values() for row in runs.values())
    return ended_well and not any(map(comparison.scores, comparison.places))


def of_pages(comparison: Comparison, out_folder: str | Path | None) -> list[str]:
    """Pages that are left out or incomplete without curves, seconds or residuals.

    out_folder: None says nothing of residuals.
    """
    fits = comparison.of_fits()
    ended = [row for runs in fits.places.values() for row in runs.values() if row["status"] == OK]
    if not ended:
        return []
    notes = [] if any(isinstance(row["curve"], list) for row in ended) else ["no row has a curve: no convergence drawn"]
    if not fits.machine:
        notes.append("no row has its seconds: no quality against seconds drawn")
    elif others := len(timing.elsewhere(fits)):
        left_out = f"{plural(others, 'run')} of other machines or threads left out of them"
        notes.append(f"seconds are those of {fits.machine}: {left_out}")
    return notes + ([] if out_folder is None else _of_pictures(fits, out_folder))


def _of_pictures(fits: Comparison, out_folder: str | Path) -> list[str]:
    from harness.analysis import example

    shown = example.choose(fits, out_folder)
    if shown is None:
        return ["no residual was kept: no reconstructions and no spectra drawn"]
    notes = []
    if shown.target is None:
        notes.append(f"errors without reconstructions, as the target is not there: {shown.reason}")
    notes += [f"{shown.describe()}: {line}" for line in shown.flaws()]
    return notes


def _absent(comparison: Comparison, models: Sequence[str]) -> list[str]:
    notes = []
    never = [model for model in models if model not in comparison.models]
    if never:
        notes.append(f"no rows of {', '.join(never)}")
    for model in comparison.models:
        places = comparison.trials(model)
        lacking = {place: len(comparison.draws) - len(comparison.runs(place)) for place in places}
        count, total = sum(lacking.values()), len(places) * len(comparison.draws)
        if count:
            where = _where([place for place in places if lacking[place]], comparison)
            notes.append(f"{model} lacks {count} of {total} runs ({where})")
    return notes


def _failed(comparison: Comparison) -> list[str]:
    notes = []
    for model in comparison.models:
        runs = [(place, row) for place in comparison.trials(model) for row in comparison.runs(place).values()]
        failed = [(place, row) for place, row in runs if row["status"] != OK]
        for status, alike in grouped(failed, lambda run: run[1]["status"]).items():
            places, rows = zip(*alike, strict=True)
            count, reason = plural(len(rows), "run"), f": {rows[0]['reason']}" if rows[0]["reason"] else ""
            notes.append(f"{model}: {count} {status.replace('_', ' ')} ({_where(places, comparison)}){reason}")
    return notes


def _left_out(comparison: Comparison) -> list[str]:
    notes = []
    if comparison.passed_over:
        older = f"{comparison.passed_over} older rows are passed over"
        notes.append(f"{older}: later ones are of other settings or other code")
    if lacks_metric(comparison):
        notes.append(f"no row has {comparison.metric}: nothing drawn")
    elif BASELINE not in comparison.models:
        notes.append(f"no rows of {BASELINE}: no differences to it drawn")
    return notes


def _where(places: Sequence[Place], comparison: Comparison) -> str:
    """`10k: bands 0.1 0.2; 30k`, where a budget alone stands for all its bands."""
    of_size = grouped(dict.fromkeys(places), attrgetter("size"))
    every = len({place.band for place in comparison.trials("")})  # of a whole signal one, which is never named
    return "; ".join(
        budget_text(size)
        + ("" if len(own) == every else f": bands {' '.join(f'{at.band:g}' for at in own if at.band is not None)}")
        for size, own in of_size.items()
    )
