"""The cost table as Markdown: cells, what the whole paper takes, and how fast against what the machine can do."""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import models
import target_signals
from harness.plan.config import Config
from harness.plan.make_plan import make_plan
from harness.plan.source import choose_source
from harness.plan.trial import Trial
from target_signals.tasks.base import family_of
from timed_loops import LOOPS, Cell

IN_ORDER = ("DIV2K", "ChestCT")  # whose points the released loop does not permute
DENSE = ("FourFeat", "Siren", "Wire", "BACON")  # every point meets every parameter
FLOP = 6  # a point and a parameter: multiply and add, forward and twice backward
SPLIT = {"bf16x3": ("bf16", 10)}  # a precision of other products: whose peak counts, and FLOP with three forward
ADAM_VALUES = 8  # a parameter, moved at least: gradient written, value, gradient, two moments read, three written

Key = tuple[str, int, int]  # model, dim, budget


class Work(NamedTuple):
    """Points that all passes of a cell's trials see, and those of them that the plain loop takes in order."""

    points: int
    in_order: int


def paper_trials(config: Config, chosen: Sequence[str], solved: bool = False) -> list[Trial]:
    """Every trial of the paper's experiments (docs/protocol.md) by models that can take it: those that are trained,
    and with `solved` those that are solved, too."""
    trials = []
    for dim, signal, task in (*config.reference.named("published"), *config.reference.named("synthetic")):
        preset = config.preset("paper", signal, dim)
        trials += make_plan(config, choose_source(signal, dim), [task], preset, chosen)
    trials = [t for t in trials if solved or t.lr is not None]
    return [t for t in trials if models.get_model(t.model).unsupported(t.dim, 1, family_of(t.task).needs) is None]


def points_passed(trials: Iterable[Trial]) -> dict[Key, Work]:
    """The work of every cell."""
    found: dict[Key, Work] = defaultdict(lambda: Work(0, 0))
    for trial in trials:
        points = trial.steps * target_signals.registry.get(trial.signal).points(trial.dim, trial.length)
        key = trial.model, trial.dim, trial.budget
        done = found[key]
        found[key] = Work(done.points + points, done.in_order + (points if trial.signal in IN_ORDER else 0))
    return found


def render(data: dict[str, Any], trials: Sequence[Trial]) -> str:
    """The whole text. data: the file's content."""
    cells = {(c["model"], c["dim"], c["size"]): c for c in data["cells"].values()}
    work = points_passed(trials)
    order = list(dict.fromkeys(model for model, _, _ in (*work, *cells)))
    cells = dict(sorted(cells.items(), key=lambda item: (item[0][1], order.index(item[0][0]), item[0][2])))
    peaks = ", ".join(f"{name} {peak:.1f}" for name, peak in data["peaks"].items() if name != "copy")
    commits = sorted({str(cell["commit"]) for cell in cells.values()})
    head = [
        f"{data['device']}, torch {data['versions']['torch']}, commit {', '.join(commits)}",
        f"measured peaks: {peaks} TFLOP/s; copy {data['peaks']['copy']:.0f} GB/s",
    ]
    return "\n".join([*head, "", *_cells(cells, data["peaks"]), "", *_hours(cells, work), "", *_by_size(cells)])


def _cells(cells: dict[Key, Cell], peaks: dict[str, float]) -> list[str]:
    loops = _loops(cells)
    names = [*(f"{loop}, ms" for loop in loops), *(f"{loop} / suite" for loop in loops[:-1]), "rate", "of the peak"]
    rows = [["cell", *names, *(f"{loop}, peak GB" for loop in loops), "ready, s", "how"]]
    for (model, dim, size), cell in cells.items():
        suite = cell["suite"]
        how = [suite.get("backend", ""), cell["precision"], "graph" if suite.get("recorded") else "eager"]
        if cell["library"] != "torch":
            how.append(f"(others on {cell['library']})")
        memory = [cell.get(loop, {}).get("peak_bytes") for loop in loops]
        row = [f"{model} {dim}D {size:,}", *(_ms(cell.get(loop)) for loop in loops)]
        row += [_times(speed_up(cell, loop)) for loop in loops[:-1]]
        row += [*_rate(cell, peaks), *("–" if m is None else f"{m / 1e9:.2f}" for m in memory)]
        row += [f"{suite['ready_seconds']:.1f}" if "ms" in suite else "–", " ".join(how)]
        rows.append(row)
    failed = [
        f"- {model} {dim}D {size:,}, {loop}: {cell[loop]['failed']}"
        for (model, dim, size), cell in cells.items()
        for loop in loops
        if "failed" in cell.get(loop, {})
    ]
    return [*markdown(rows), *(["", "Failed:", *failed] if failed else [])]


def _hours(cells: dict[Key, Cell], work: dict[Key, Work]) -> list[str]:
    """GPU-hours of training of the whole paper in the suite's loop, and in each other over the cells where both
    were measured."""
    loops = [loop for loop in _loops(cells) if loop != "in order"]  # a part of plain
    both = {loop: [k for k in work if k in cells and speed_up(cells[k], loop) is not None] for loop in loops}
    rows = [["GPU-hours", *(f"{loop} (cells)" for loop in loops), *(f"{loop} / suite" for loop in loops[:-1])]]
    for model in [*dict.fromkeys(key[0] for key in both["suite"]), "all"]:
        own = {loop: [key for key in both[loop] if model in (key[0], "all")] for loop in loops}
        spent = {loop: sum(_cell_hours(cells[key], loop, work[key]) for key in own[loop]) for loop in loops}
        row = [model, *(f"{spent[loop]:.2f} ({len(own[loop])})" for loop in loops)]
        for loop in loops[:-1]:
            suite = sum(_cell_hours(cells[key], "suite", work[key]) for key in own[loop])
            row.append(_times(spent[loop] / suite if suite else None))
        rows.append(row)
    lacking = [key for key in work if key not in both["suite"]]
    points = ", ".join(f"{n:,}" for n in sorted({cells[key]["points"] for key in both["suite"]}))
    note = f"over {len(both['suite'])} of the paper's {len(work)} cells, from passes of {points or 'no'} points"
    if lacking:
        note += "; not measured: " + ", ".join(f"{m} {d}D {s:,}" for m, d, s in lacking)
    return [*markdown(rows), "", note]


def _by_size(cells: dict[Key, Cell]) -> list[str]:
    """The speed-ups of each budget: the least, and the geometric mean."""
    others = [loop for loop in _loops(cells)[:-1] if loop != "in order"]
    rows = [["budget", *(f"{loop} / suite: {what}" for loop in others for what in ("least", "mean"))]]
    for size in sorted({size for _, _, size in cells}):
        row = [f"{size:,}"]
        for loop in others:
            own = [s for key, cell in cells.items() if key[2] == size and (s := speed_up(cell, loop)) is not None]
            mean = math.exp(sum(map(math.log, own)) / len(own)) if own else None
            row += [_times(min(own, default=None)), _times(mean)]
        rows.append(row)
    return markdown(rows)


def _loops(cells: dict[Key, Cell]) -> list[str]:
    """The loops that some cell knows of, the suite's own last."""
    return [loop for loop in LOOPS if loop == "suite" or any(loop in cell for cell in cells.values())]


def speed_up(cell: Cell, over: str) -> float | None:
    """How many times faster the suite's loop is than another; None where one was not measured."""
    if "ms" not in cell["suite"] or "ms" not in cell.get(over, {}):
        return None
    return float(cell[over]["ms"] / cell["suite"]["ms"])


def _cell_hours(cell: Cell, loop: str, work: Work) -> float:
    """GPU-hours of a cell's trials in a loop; in the plain one, of some of them without the permutation."""
    ms = cell[loop]["ms"]
    in_order = cell.get("in order", {}).get("ms", ms) if loop == "plain" else ms
    return float((ms * (work.points - work.in_order) + in_order * work.in_order) / 3.6e6 / cell["points"])


def _rate(cell: Cell, peaks: dict[str, float]) -> tuple[str, str]:
    """TFLOP/s of a network in which every point meets every parameter, otherwise GB/s of what must be moved at
    least (targets, and what Adam reads and writes); and the share of the machine's peak."""
    if "ms" not in cell["suite"]:
        return "–", "–"
    seconds = cell["suite"]["ms"] / 1000
    if cell["model"] in DENSE:
        precision, flop = SPLIT.get(cell["precision"], (cell["precision"], FLOP))
        rate = flop * cell["points"] * cell["parameters"] / seconds / 1e12
        return f"{rate:.3g} TFLOP/s", f"{100 * rate / peaks[precision]:.0f} %"
    moved = 4 * (cell["points"] * cell["channels"] + ADAM_VALUES * cell["parameters"] * cell["suite"]["updates"])
    rate = moved / seconds / 1e9
    return f"{rate:.3g} GB/s", f"{100 * rate / peaks['copy']:.0f} %"


def _ms(found: dict[str, Any] | None) -> str:
    return "–" if found is None else f"{found['ms']:.3g}" if "ms" in found else "failed"


def _times(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.1f}×"


def markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    """A table whose columns also line up as text; the first row is its head, the first column words."""
    widths = [max(map(len, column)) for column in itertools.zip_longest(*rows, fillvalue="")]
    rule = [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [
        [cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=False))]
        for row in rows
    ]
    return [f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:])]
