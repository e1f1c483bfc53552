"""Tables as bytes: Markdown and LaTeX for people, CSV and Parquet for programs."""

import csv
import io
import json
import math
from collections.abc import Sequence
from typing import Any

from common.words import MARKS
from harness.analysis.means import COUNTS, Line, label
from harness.analysis.parquet import to_parquet
from harness.store.schema import Row
from target_signals.tasks.metrics import Metric


class Bold(str):
    """A table's cell that stands out."""

    __slots__ = ()


def means_as(form: str, lines: Sequence[Line], by: Sequence[str], metric: Metric) -> bytes:
    if form in ("csv", "parquet"):
        records = [_record(line, by, metric) for line in lines]
        return _csv(records) if form == "csv" else to_parquet(records)
    by_experiment: dict[Any, list[Line]] = {}
    for line in lines:
        by_experiment.setdefault(line.experiment.kind, []).append(line)
    blocks = []
    for kind, own in by_experiment.items():
        title = f"{metric.label()}: {kind}"
        write = _markdown if form == "md" else _latex
        blocks.append(write(title, _pivot(own, by, metric) if len(by) > 1 else _list(own, by, metric)))
    return "\n".join(blocks).encode()


def rows_as(form: str, rows: Sequence[Row]) -> bytes:
    """Every row with every column; lists and objects are JSON text in a CSV."""
    if form == "parquet":
        return to_parquet(rows)
    flat = [{name: json.dumps(v) if isinstance(v, list | dict) else v for name, v in row.items()} for row in rows]
    return _csv(flat)


def _csv(records: Sequence[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for record in records for name in record)))
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()


def _record(line: Line, by: Sequence[str], metric: Metric) -> dict[str, Any]:
    kind = line.experiment.kind._asdict()
    scores = {"metric": metric.name, "mean": _known(line.mean), "spread": _known(line.spread)}
    counts = dict(zip(COUNTS, line.counts, strict=True))
    return kind | dict(zip(by, line.keys, strict=True)) | scores | {"seeds": line.seeds, "items": line.items} | counts


def _pivot(lines: Sequence[Line], by: Sequence[str], metric: Metric) -> list[list[str]]:
    """Rows by all keys but the last, one column for each value of that. The best of a column is bold."""
    columns = list(dict.fromkeys(line.keys[-1] for line in lines))
    cells = {(line.keys[:-1], line.keys[-1]): line for line in lines}
    best = {column: _best([line for line in lines if line.keys[-1] == column], metric) for column in columns}
    table = [[*by[:-1], *(label(by[-1], column) for column in columns)]]
    for keys in dict.fromkeys(line.keys[:-1] for line in lines):
        own = [cells.get((keys, column)) for column in columns]
        texts = ["" if line is None else _score(line, metric, line is best[line.keys[-1]]) for line in own]
        table.append([*(label(key, value) for key, value in zip(by, keys, strict=False)), *texts])
    return table


def _list(lines: Sequence[Line], by: Sequence[str], metric: Metric) -> list[list[str]]:
    best = _best(lines, metric)
    table = [[*by, metric.label(), *COUNTS]]
    for line in lines:
        table.append([label(by[0], line.keys[0]), _score(line, metric, line is best), *map(str, line.counts)])
    return table


def _best(lines: Sequence[Line], metric: Metric) -> Line | None:
    known = [line for line in lines if not math.isnan(line.mean)]
    sign = 1 if metric.higher_is_better else -1
    return max(known, key=lambda line: sign * line.mean) if len(known) > 1 else None


def _score(line: Line, metric: Metric, best: bool) -> str:
    """`21.0 ± 0.3 (4/5)`, `n/a`, `failed 3/5` or `–`; behind the score how many of how many runs it is over."""
    ok, failed, unsupported, missing = line.counts
    if math.isnan(line.mean):
        return MARKS["unsupported"] if unsupported else f"failed {failed}/{failed + missing}" if failed else "–"
    text = metric.text(line.mean) + ("" if math.isnan(line.spread) else f" ± {metric.text(line.spread)}")
    lacking = f" ({ok}/{ok + failed + missing})" if failed or missing else ""
    return Bold(text + lacking) if best else text + lacking


def _markdown(title: str, table: Sequence[Sequence[str]]) -> str:
    head, *body = [[_in_markdown(cell) for cell in line] for line in table]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]

    def row(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))} |"

    rule = row([("-" * (width - 1) + ":") if i else "-" * width for i, width in enumerate(widths)])
    return "\n".join([f"**{title}**", "", row(head), rule, *map(row, body), ""])


def _in_markdown(cell: str) -> str:
    text = " ".join(cell.split()).replace("|", "\\|").replace("<", "&lt;")
    return f"**{text}**" if isinstance(cell, Bold) else text


def _latex(title: str, table: Sequence[Sequence[str]]) -> str:
    """A tabular with booktabs' rules."""

    def row(cells: Sequence[str]) -> str:
        texts = (f"\\textbf{{{_in_latex(c)}}}" if isinstance(c, Bold) else _in_latex(c) for c in cells)
        return f"{' & '.join(texts)} \\\\"

    head, *body = table
    lines = [f"% {title}", f"\\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}", "\\toprule", row(head), "\\midrule"]
    return "\n".join([*lines, *map(row, body), "\\bottomrule", "\\end{tabular}", ""])


def _in_latex(text: str) -> str:
    signs = {"\\": r"\textbackslash{}", "±": r"$\pm$", "−": "$-$", "–": "--", "~": r"\textasciitilde{}"}
    signs |= {"^": r"\textasciicircum{}"} | {sign: f"\\{sign}" for sign in "&%$#_{}"}
    return "".join(signs.get(sign, sign) for sign in text)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
