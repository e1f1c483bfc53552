"""The table at the end of a run: models × budgets, averaged over bands and draws, and who is best at each budget."""

from typing import TYPE_CHECKING

from common.words import NO_SCORE
from harness.analysis.comparison import WHOLE, Comparison
from harness.analysis.experiments import experiments
from harness.analysis.gain import CAP, described
from harness.analysis.grouping import comparisons
from harness.analysis.left_out import Where
from harness.analysis.means import Keys, Line, means, span
from harness.analysis.reference_rows import display_name
from harness.analysis.remarks import remarks
from harness.analysis.winner import Outcome
from harness.analysis.wording import named, notes, told
from harness.store.names import known
from harness.store.schema import OK, UNSUPPORTED
from harness.store.table import records

if TYPE_CHECKING:
    import pandas as pd


def summarise(table: "pd.DataFrame", models: list[str], metric: str = "psnr", heading: str = "") -> str:
    """A text table of one task's rows: mean score a model and budget, in the models' order, and below it the best.

    Rows of the reference are marked, and have no seconds, which are those of another machine.
    Of several bands PSNR stands as its gain (`harness.analysis.gain`). A mean is over the runs that are compared at the
    budget (`harness.analysis.compared`), and says how many of these it has where it has not all. A cell in which trials
    failed says how many of how many; `n/a` is unsupported, `-` not run, or at no draw that is compared.
    """
    own = table[table["origin"].isna()]
    others = frozenset(table["model"][table["origin"].notna()])
    sizes = sorted(table["size"].unique())
    across = table["bandlimit"].nunique() > 1
    whole = [{name: known(value) for name, value in record.items()} for record in records(table)]
    found = [means(one, whole, ["model", "size"], metric) for one in experiments(whole, models)]
    averages: dict[Keys, Line] = {line.keys: line for one in found for line in one.lines}
    kind = described(metric, across)
    title = f"{heading}mean {kind.name}" + (f", {kind.unit}" if kind.unit else "")
    title += f", over {span(found[0].bands)} bands" if across else ""
    lines = [[title, *[f"{s:,}" for s in sizes], "seconds", "rows"]]
    for model in models:
        rows = table[table["model"] == model]
        if rows.empty:
            continue
        cells = [_cell(rows[rows["size"] == size], averages.get((model, size))) for size in sizes]
        seconds = "" if model in others else f"{rows['seconds'].sum():.1f}"
        lines.append([display_name(model, others), *cells, seconds, str(len(rows))])
    if metric == "psnr" and not across:
        constant = table.drop_duplicates(["item", "bandlimit", "seed", "signal_seed"])["psnr_constant"].mean()
        lines.append(["(constant mean)", *[f"{constant:.2f}"] * len(sizes), "", ""])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = [
        "  ".join([line[0].ljust(widths[0]), *[cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True)]])
        for line in lines
    ]
    gains = [f"(gain over the constant mean, at most {CAP:g} dB)"] if across and metric == "psnr" else []
    best = [line for comparison in comparisons(table, models, metric) for line in _best(comparison)]
    said = [*gains, *remarks(records(own)), *([""] if best else []), *best]
    return "\n".join([text[0], "-" * len(text[0]), *text[1:], *said])


def _best(comparison: Comparison) -> list[str]:
    """Who is best at each budget: with the lead where there is one band, else band by band."""
    if len(comparison.models) < 2:
        return []
    bands = (WHOLE,) if WHOLE in comparison.regions else comparison.bands
    places = {size: {band: comparison.outcome(size, band) for band in bands} for size in comparison.sizes}
    lines = [f"best at {size:,}: {_of_budget(comparison, outcomes)}" for size, outcomes in places.items()]
    named_places = {
        Where(size, f"{band:g}" if len(bands) > 1 else ""): outcome
        for size, outcomes in places.items()
        for band, outcome in outcomes.items()
    }
    return lines + notes(named_places)


def _of_budget(comparison: Comparison, outcomes: dict[float, Outcome]) -> str:
    if len(outcomes) == 1:
        (outcome,) = outcomes.values()
        return told(outcome, described(comparison.metric, False))
    at: dict[str, list[str]] = {}
    for band, outcome in outcomes.items():
        at.setdefault(named(outcome) or NO_SCORE, []).append(f"{band:g}")
    return "; ".join(f"{name} at band {' '.join(some)}" for name, some in at.items())


def _cell(rows: "pd.DataFrame", line: Line | None) -> str:
    if rows.empty or line is None:
        return "-"
    failed = rows[~rows["status"].isin([OK, UNSUPPORTED])]
    if not failed.empty:
        worst = failed["status"].iloc[-1]
        return f"{worst} {len(failed)}/{len(rows)}"
    scored, of = line.of
    if not scored:
        return "-" if line.counts[0] else "n/a"
    return f"{line.mean:.2f}" + (f" ({scored}/{of})" if scored < of else "")
