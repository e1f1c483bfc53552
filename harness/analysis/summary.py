"""The table at the end of a run: models × budgets, averaged over bands and draws, and who is best at each budget."""

import math
from collections import defaultdict
from collections.abc import Sequence

from common.words import NO_SCORE
from harness.analysis.comparison import WHOLE, Comparison, mean
from harness.analysis.gain import CAP, described, score
from harness.analysis.grouping import comparisons
from harness.analysis.reference_rows import display_name, reference_models
from harness.analysis.remarks import remarks
from harness.analysis.winner import Outcome
from harness.analysis.wording import named, notes, told
from harness.store.schema import OK, UNSUPPORTED, Row
from harness.store.table import oldest_first

SIGNAL = ("item", "bandlimit", "seed", "signal_seed")  # what tells signals of one experiment apart


def summarise(rows: Sequence[Row], models: list[str], metric: str = "psnr", heading: str = "") -> str:
    """A text table of one task's rows: mean score a model and budget, in the models' order, and below it the best.

    Rows of the reference are marked, and have no seconds, which are those of another machine.
    Of several bands PSNR stands as its gain (`harness.analysis.gain`). A cell in which trials failed says how many of
    how many; `n/a` is unsupported, `-` not run.
    """
    rows, others = oldest_first(rows), reference_models(rows)
    by_model: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_model[row["model"]].append(row)
    sizes = sorted({row["size"] for row in rows})
    bands = len({row["bandlimit"] for row in rows} - {None})
    across = bands > 1
    kind = described(metric, across)
    title = f"{heading}mean {kind.name}" + (f", {kind.unit}" if kind.unit else "")
    title += f", over {bands} bands" if across else ""
    lines = [[title, *[f"{s:,}" for s in sizes], "seconds", "rows"]]
    for model in models:
        if not (of_model := by_model[model]):
            continue
        cells = [_cell([row for row in of_model if row["size"] == size], metric, across) for size in sizes]
        seconds = "" if model in others else f"{math.fsum(row['seconds'] or 0.0 for row in of_model):.1f}"
        lines.append([display_name(model, others), *cells, seconds, str(len(of_model))])
    if metric == "psnr" and not across:
        first = {tuple(row[name] for name in SIGNAL): row["psnr_constant"] for row in reversed(rows)}
        constant = mean(value for value in first.values() if value is not None)
        lines.append(["(constant mean)", *[f"{constant:.2f}"] * len(sizes), "", ""])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = [
        "  ".join([line[0].ljust(widths[0]), *[cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True)]])
        for line in lines
    ]
    gains = [f"(gain over the constant mean, at most {CAP:g} dB)"] if across and metric == "psnr" else []
    best = [line for comparison in comparisons(rows, models, metric) for line in _best(comparison)]
    own = (row for row in rows if row["origin"] is None)
    said = [*gains, *remarks(own), *([""] if best else []), *best]
    return "\n".join([text[0], "-" * len(text[0]), *text[1:], *said])


def _best(comparison: Comparison) -> list[str]:
    """Who is best at each budget: with the lead where there is one band, else band by band."""
    if len(comparison.models) < 2:
        return []
    bands = (WHOLE,) if WHOLE in comparison.regions else comparison.bands
    places = {size: {band: comparison.outcome(size, band) for band in bands} for size in comparison.sizes}
    lines = [f"best at {size:,}: {_of_budget(comparison, outcomes)}" for size, outcomes in places.items()]
    return lines + notes(outcome for outcomes in places.values() for outcome in outcomes.values())


def _of_budget(comparison: Comparison, outcomes: dict[float, Outcome]) -> str:
    if len(outcomes) == 1:
        (outcome,) = outcomes.values()
        return told(outcome, described(comparison.metric, False))
    at: dict[str, list[str]] = {}
    for band, outcome in outcomes.items():
        at.setdefault(named(outcome) or NO_SCORE, []).append(f"{band:g}")
    return "; ".join(f"{name} at band {' '.join(some)}" for name, some in at.items())


def _cell(rows: Sequence[Row], metric: str, across: bool) -> str:
    if not rows:
        return "-"
    failed = [row["status"] for row in rows if row["status"] not in (OK, UNSUPPORTED)]
    if failed:
        return f"{failed[-1]} {len(failed)}/{len(rows)}"
    scores = [score(row, metric, across) for row in rows if row["status"] == OK]
    known = [value for value in scores if value is not None]
    return f"{sum(known) / len(known):.2f}" if known else "n/a"
