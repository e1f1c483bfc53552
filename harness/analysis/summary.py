"""The table at the end of a run: models × budgets, averaged over bands and draws, and who is best at each budget."""

import math
from collections.abc import Sequence
from operator import itemgetter

from common.grouped import grouped
from common.words import NO_SCORE, columns
from harness.analysis.experiments import experiments
from harness.analysis.gain import CAP, described
from harness.analysis.left_out import Where
from harness.analysis.means import Keys, Line, Means, label, means, span
from harness.analysis.reference_rows import display_name, reference_models
from harness.analysis.remarks import remarks
from harness.analysis.spread import mean
from harness.analysis.winner import Outcome
from harness.analysis.wording import named, notes, told
from harness.store.schema import OK, UNSUPPORTED, Row
from harness.store.table import oldest_first
from target_signals.tasks.metrics import Metric

SIGNAL = ("item", "bandlimit", "seed", "signal_seed")  # what tells signals of one experiment apart


def summarise(rows: Sequence[Row], models: list[str], heading: str = "") -> str:
    """A text table of one task's rows: mean PSNR a model and budget, in the models' order, and below it the best.

    Rows of the reference are marked, and have no seconds, which are those of another machine.
    Of several bands PSNR stands as its gain (`harness.analysis.gain`). A mean is over the runs that are compared at the
    budget (`harness.analysis.compared`), and says how many of these it has where it has not all. A cell in which trials
    failed says how many of how many; `n/a` is unsupported, `-` not run, or in no case that is compared.
    """
    rows, others = oldest_first(rows), reference_models(rows)
    by_model = grouped(rows, itemgetter("model"))
    sizes = sorted({row["size"] for row in rows})
    across = len({row["bandlimit"] for row in rows} - {None}) > 1
    every = experiments(rows, models)
    by_band = [means(one, ["model", "size", "band"], "psnr") for one in every]
    found = [means(one, ["model", "size"], "psnr") for one in every] if across else by_band
    averages: dict[Keys, Line] = {line.keys[:2]: line for one in found for line in one.lines}
    kind = described("psnr", across)
    title = f"{heading}mean {kind.name}" + (f", {kind.unit}" if kind.unit else "")
    title += f", over {span(found[0].bands)} bands" if across else ""
    lines = [[title, *[f"{s:,}" for s in sizes], "seconds", "rows"]]
    for model in models:
        if not (of_model := by_model.get(model)):
            continue
        cells = [_cell([row for row in of_model if row["size"] == size], averages.get((model, size))) for size in sizes]
        seconds = "" if model in others else f"{math.fsum(row['seconds'] or 0.0 for row in of_model):.1f}"
        lines.append([display_name(model, others), *cells, seconds, str(len(of_model))])
    if not across:
        first = {tuple(row[name] for name in SIGNAL): row["psnr_constant"] for row in reversed(rows)}
        constant = mean(value for value in first.values() if value is not None)
        lines.append(["(constant mean)", *[f"{constant:.2f}"] * len(sizes), "", ""])
    text = columns(lines, texts=(0,))
    gains = [f"(gain over the constant mean, at most {CAP:g} dB)"] if across else []
    best = [line for one in by_band for line in _best(one)]
    own = (row for row in rows if row["origin"] is None)
    said = [*gains, *remarks(own), *([""] if best else []), *best]
    return "\n".join([text[0], "-" * len(text[0]), *text[1:], *said])


def _best(found: Means) -> list[str]:
    """Who is best at each budget: with the lead where there is one band, else band by band."""
    if len(found.experiment.models) < 2:
        return []
    bands = found.experiment.bands
    places = {size: {band: found.outcomes[size, band] for band in bands} for size in found.experiment.sizes}
    lines = [f"best at {size:,}: {_of_budget(outcomes, found.metric)}" for size, outcomes in places.items()]
    named_places = {
        Where(size, label("band", band) if len(bands) > 1 else ""): outcome
        for size, outcomes in places.items()
        for band, outcome in outcomes.items()
    }
    return lines + notes(named_places)


def _of_budget(outcomes: dict[float | None, Outcome], metric: Metric) -> str:
    if len(outcomes) == 1:
        (outcome,) = outcomes.values()
        return told(outcome, metric)
    at = grouped(outcomes, lambda band: named(outcomes[band]) or NO_SCORE)
    return "; ".join(f"{name} at band {' '.join(label('band', one) for one in bands)}" for name, bands in at.items())


def _cell(rows: Sequence[Row], line: Line | None) -> str:
    if not rows or line is None:
        return "-"
    failed = [row["status"] for row in rows if row["status"] not in (OK, UNSUPPORTED)]
    if failed:
        return f"{failed[-1]} {len(failed)}/{len(rows)}"
    scored, of = line.of
    if not scored:
        return "-" if line.counts[0] else "n/a"
    return f"{line.mean:.2f}" + (f" ({scored}/{of})" if scored < of else "")
