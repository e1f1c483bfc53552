"""Tables as bytes: Markdown and LaTeX for people, CSV and Parquet for programs."""

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from common.words import MARKS, NO_SCORE
from harness.analysis.left_out import Where
from harness.analysis.means import COUNTS, Line, Means, label, span
from harness.analysis.versus import Change, Versus
from harness.analysis.winner import Outcome
from harness.analysis.wording import TIED, YARDSTICK, difference, interval_note, named, notes, told
from harness.store.facts import finite
from harness.store.parquet import to_parquet
from harness.store.schema import REFERENCE_RESULT, Row

# title, lines of cells of which the first is the head, how many columns at the left hold words, and lines below
Table = tuple[str, Sequence[Sequence[str]], int, Sequence[str]]


class Bold(str):
    """A table's cell that stands out."""

    __slots__ = ()


def means_as(form: str, every: Sequence[Means]) -> bytes:
    """Means of experiments, one table each, or all records in one for `csv` and `parquet`. form: `md`, `latex` or one
    of these two."""
    records = (_record(means, line) for means in every for line in means.lines)
    tables = (
        (means.title, _pivot(means), len(means.by) - 1, _notes(means))
        if len(means.by) > 1
        else (means.title, _list(means), 1, _notes(means))
        for means in every
    )
    return _written(form, records, tables)


def versus_as(form: str, every: Sequence[Versus]) -> bytes:
    """Experiments under two presets, side by side."""
    records = (_record_of(found, change) for found in every for change in found.changes)
    tables = ((one.title, _side_by_side(one), 2, [*best_of(one), *notes_on(one)]) for one in every)
    return _written(form, records, tables)


def _side_by_side(found: Versus) -> list[list[str]]:
    """A line for each budget and model: both scores, the difference with its interval, both ranks."""
    table = [["budget", "model", found.against, found.kind.preset, "change", "rank"]]
    for change in found.changes:
        ranks = " → ".join("–" if rank is None else str(rank) for rank in change.ranks)
        scores = (found.metric.text(change.before), found.metric.text(change.after))
        moved = difference(change.ahead, found.metric)
        moved = Bold(moved) if found.told(change) else moved
        table.append([label("size", change.size), change.model, *scores, moved, ranks])
    return table


def best_of(found: Versus) -> list[str]:
    """Who is best under each preset, a line for each budget."""
    return [
        f"best at {label('size', size)}: {named(before) or NO_SCORE} → {named(after) or NO_SCORE}"
        for size, (before, after) in found.outcomes.items()
    ]


def notes_on(found: Versus) -> list[str]:
    """What changes, brackets and marks mean, and what is to be known of the scores."""
    presets = (found.against, found.kind.preset)
    both = {
        Where(size, preset): outcome
        for size, pair in found.outcomes.items()
        for preset, outcome in zip(presets, pair, strict=True)
    }
    bold = "bold: its 95 % interval leaves out 0, each model's for itself"
    remarks = [f"{preset}: {line}" for preset, said in found.remarks.items() for line in said]
    leads = [outcome for pair in found.outcomes.values() for outcome in pair]
    return [f"change: more is better; {bold}", *interval_note(leads), *notes(both), *remarks]


def _record_of(found: Versus, change: Change) -> dict[str, Any]:
    scores = {"metric": found.metric.name, "before": change.before, "after": change.after, "ahead": change.ahead.mean}
    reach = {"low": finite(change.ahead.low), "high": finite(change.ahead.high), "draws": change.ahead.n}
    ranks = dict(zip(("rank_before", "rank_after"), change.ranks, strict=True))
    kind = found.kind._asdict() | {"against": found.against}
    return kind | {"model": change.model, "size": change.size} | scores | reach | ranks


def rows_as(form: str, rows: Sequence[Row]) -> bytes:
    """Every row with every column; lists and objects are JSON text in a CSV."""
    if form == "parquet":
        return to_parquet(rows)
    flat = [{name: json.dumps(v) if isinstance(v, list | dict) else v for name, v in row.items()} for row in rows]
    return _csv(flat)


def _written(form: str, records: Iterable[dict[str, Any]], tables: Iterable[Table]) -> bytes:
    """Records for programs, or tables for people, by the form."""
    if form == "parquet":
        return to_parquet([*records])
    if form == "csv":
        return _csv([*records])
    write = _markdown if form == "md" else _latex
    return "\n".join(write(*table) for table in tables).encode()


def _csv(records: Sequence[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for record in records for name in record)))
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()


def _record(means: Means, line: Line) -> dict[str, Any]:
    kind = means.experiment.kind._asdict()
    scores = {"metric": means.metric.name, "mean": finite(line.mean), "spread": finite(line.spread.whole)}
    scores |= {"signal_spread": finite(line.spread.signals), "seed_spread": finite(line.spread.seeds)}
    counts, keys = dict(zip(COUNTS, line.counts, strict=True)), means.by_name(line)
    origin = {"origin": REFERENCE_RESULT if keys["model"] in means.of_reference else None} if "model" in keys else {}
    draws = {f"{noun}s": line.draws.get(noun) for noun in ("seed", "signal", "item")}
    return kind | keys | origin | scores | draws | counts


def _pivot(means: Means) -> list[list[str]]:
    """Rows by all keys but the last, one column for each value of that."""
    columns = list(dict.fromkeys(line.keys[-1] for line in means.lines))
    cells = {(line.keys[:-1], line.keys[-1]): line for line in means.lines}
    table = [[*means.by[:-1], *(means.label(means.by[-1], column) for column in columns)]]
    for keys in dict.fromkeys(line.keys[:-1] for line in means.lines):
        own = [cells.get((keys, column)) for column in columns]
        texts = ["" if line is None else _score(means, line) for line in own]
        table.append([*(means.label(key, value) for key, value in zip(means.by, keys, strict=False)), *texts])
    return table


def _list(means: Means) -> list[list[str]]:
    table = [[*means.by, means.metric.label(), *COUNTS]]
    for line in means.lines:
        table.append([means.label(means.by[0], line.keys[0]), _score(means, line), *map(str, line.counts)])
    return table


def _score(means: Means, line: Line) -> str:
    """`21.0 ± 0.3 (4/5)`, `n/a`, `failed 3/5` or `–`; behind the score how many it is over of the runs compared there.

    The best of a place is bold, and what it is not told apart from has the sign of a tie.
    """
    _, failed, unsupported, missing = line.counts
    if math.isnan(line.mean):
        return MARKS["unsupported"] if unsupported else f"failed {failed}/{failed + missing}" if failed else "–"
    spread = line.spread.whole
    text = means.metric.text(line.mean) + ("" if math.isnan(spread) else f" ± {means.metric.text(spread)}")
    lacking = f" ({line.of[0]}/{line.of[1]})" if line.of[0] < line.of[1] else ""
    sign, bold = _standing(means, line)
    return Bold(text + lacking + sign) if bold else text + lacking + sign


def _standing(means: Means, line: Line) -> tuple[str, bool]:
    """A line's sign at its place, and whether it is the best there."""
    outcome = means.outcome(line)
    if outcome is None or outcome.first is None or len(means.experiment.models) < 2:
        return "", False
    model, first = means.by_name(line)["model"], outcome.first
    ahead = model == outcome.yardstick or (outcome.trained is None and model == first.best)
    sign = f" {YARDSTICK}" if ahead else f" {TIED}" if model in first.tied else ""
    return sign, model == first.best


def _notes(means: Means) -> list[str]:
    if not means.outcomes or len(means.experiment.models) < 2:
        return [*_spread_note(means), *means.remarks()]
    places = dict.fromkeys(map(means.place, means.lines)) if set(means.by) == {"model", "size"} else ()
    best = {size: means.outcomes[size,] for (size,) in places}
    said = [f"best at {label('size', size)}: {told(outcome, means.metric)}" for size, outcome in best.items()]
    meanings = [*_spread_note(means), *interval_note(best.values()), *notes(_places(means))]
    return ["bold: the best trained model", *said, *meanings, *means.remarks()]


def _spread_note(means: Means) -> list[str]:
    """What ± is, and over how many items, signals and seeds."""
    shown = [line for line in means.lines if not math.isnan(line.mean + line.spread.whole)]
    if not shown:
        return []
    counts = {noun: [line.draws[noun] for line in shown] for noun in shown[0].draws}
    over = " and ".join(f"{span((min(own), max(own)))} {noun}s" for noun, own in counts.items() if max(own) > 1)
    return [f"± standard deviation over {over}{', within bands' if means.across else ''}"]


def _places(means: Means) -> dict[Where, Outcome]:
    """Who is best at each place, under the names that notes give the places."""
    keys = [key for key in means.by if key != "model"]
    found: dict[Where, Outcome] = {}
    for place, outcome in means.outcomes.items():
        of = dict(zip(keys, place, strict=True))
        rest = ", ".join(means.label(key, value) for key, value in of.items() if key != "size")
        found[Where(of.get("size", means.experiment.sizes[0]), rest)] = outcome
    return found


def _markdown(title: str, table: Sequence[Sequence[str]], keys: int, lines: Sequence[str]) -> str:
    """The table and a list of the lines below it. keys: how many columns at the left hold words."""
    head, *body = [[in_markdown(cell) for cell in line] for line in table]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]

    def row(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))} |"

    rule = row([("-" * (width - 1) + ":") if i >= keys else "-" * width for i, width in enumerate(widths)])
    below = [*(f"- {in_markdown(line)}" for line in lines), ""] if lines else []
    return "\n".join([f"**{in_markdown(title)}**", "", row(head), rule, *map(row, body), "", *below])


def in_markdown(cell: str) -> str:
    """A text in Markdown as it reads; names are whatever files are called."""
    text = " ".join(cell.split()).replace("|", "\\|").replace("<", "&lt;")
    return f"**{text}**" if isinstance(cell, Bold) else text


def _latex(title: str, table: Sequence[Sequence[str]], keys: int, lines: Sequence[str]) -> str:
    """A tabular with booktabs' rules, after the title and the lines as comments. keys: as for `_markdown`."""

    def row(cells: Sequence[str]) -> str:
        texts = (f"\\textbf{{{_in_latex(c)}}}" if isinstance(c, Bold) else _in_latex(c) for c in cells)
        return f"{' & '.join(texts)} \\\\"

    head, *body = table
    said = [f"% {line}" for line in (title, *lines)]
    start = [f"\\begin{{tabular}}{{{'l' * keys + 'r' * (len(head) - keys)}}}", "\\toprule", row(head), "\\midrule"]
    return "\n".join([*said, *start, *map(row, body), "\\bottomrule", "\\end{tabular}", ""])


def _in_latex(text: str) -> str:
    signs = {"\\": r"\textbackslash{}", "±": r"$\pm$", "→": r"$\to$", "−": "$-$", "–": "--", "~": r"\textasciitilde{}"}
    signs |= {TIED: r"$\approx$", YARDSTICK: r"\dag{}", "^": r"\textasciicircum{}"}
    signs |= {sign: f"\\{sign}" for sign in "&%$#_{}"}
    return "".join(signs.get(sign, sign) for sign in text)
