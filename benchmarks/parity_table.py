"""The panel's table, and which precisions pass.

A cell is one signal and one budget; it asks for LEAST_SEEDS. Where float32's own scores spread over seeds and the
differences do as well, as those of models do that train unstably, one difference says little: such cells ask for
MORE_SEEDS and are judged together. (Scores alone also spread where a seed draws another signal, and differences are
steady.) A precision passes where every cell has its seeds, no cell that does not spread is lower by more than
TOLERANCE, and, of the cells that spread, a 95 % interval (Student's t, paired, over seeds) of the mean difference
excludes a loss of more than MEAN_LOSS. A cell that is lower asks for MORE_SEEDS, too: they may show that it spreads.

A cell is `chaotic` where the precision does not repeat its own scores when sums are taken in another order: training
makes rounding grow until it decides the score, and differences from float32 say as much of the order as of the
precision. Such cells are left out of that interval and have one of their own, which must not lie below zero.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cost_table import markdown
from harness.analysis.significance import intervals

TOLERANCE = 0.1  # dB
MEAN_LOSS = 0.3  # dB
LEAST_SEEDS, MORE_SEEDS = 3, 5
EXACT = "fp32"  # what others are held to
AGAIN = "again"  # a model's own precision once more, its sums in another order
BETTER = {"bf16": "bf16x3", "bf16x3": "tf32", "tf32": "fp32"}  # what is tried when a precision does not pass

Line = dict[str, Any]
Cell = tuple[str, int]  # case, budget
Pairs = dict[int, tuple[Line, Line]]  # seed → float32's line, the other precision's


def again(precision: str) -> str:
    """What lines call a precision whose sums were taken in another order."""
    return f"{precision} {AGAIN}"


def render(lines: Sequence[Line], cells: Sequence[Cell], own: Mapping[str, str]) -> tuple[str, bool]:
    """One table of all cells, and one of every precision that has been run or is a model's own, with its verdict;
    whether the models' own all pass.

    cells: the panel's; others are shown and not judged. own: what each model trains in on CUDA.
    """
    asked = [(model, precision) for model, precision in own.items() if precision != EXACT]
    run = [(line["model"], line["precision"].removesuffix(f" {AGAIN}")) for line in lines if line["precision"] != EXACT]
    pairs = sorted(dict.fromkeys([*asked, *run]), key=lambda pair: list(own).index(pair[0]))
    compared = {(model, precision): AgainstFloat32.of(lines, model, precision, cells) for model, precision in pairs}
    parts, passed = [_about(lines), overview(compared, cells)] if lines else [_about(lines)], True
    for (model, precision), found in compared.items():
        text, good = _judge(model, precision, found, cells)
        parts.append(text)
        passed &= good or own[model] != precision
    return "\n\n".join(parts), passed


def _about(lines: Sequence[Line]) -> str:
    """Machines and commits."""
    devices, commits = (sorted({str(line[name]) for line in lines}) for name in ("device", "commit"))
    return f"{len(lines)} trials on {', '.join(devices)}; commit {', '.join(commits)}" if lines else "no trials"


class AgainstFloat32(NamedTuple):
    """A model's trials in one precision beside those in float32: by cell, and the verdict on each."""

    pairs: Mapping[Cell, Pairs]
    repeats: Mapping[Cell, Pairs]  # the precision beside itself, its sums in another order
    verdicts: Mapping[Cell, str]

    @classmethod
    def of(cls, lines: Sequence[Line], model: str, precision: str, cells: Sequence[Cell]) -> "AgainstFloat32":
        mine = [line for line in lines if line["model"] == model]
        pairs, repeats = pairs_of(mine, precision), pairs_of(mine, again(precision), precision)
        every = dict.fromkeys([*cells, *pairs])
        verdicts = {cell: verdict_on(pairs[cell], repeats[cell]) if cell in cells else "watched" for cell in every}
        return cls(pairs, repeats, verdicts)


def overview(compared: Mapping[tuple[str, str], AgainstFloat32], cells: Sequence[Cell]) -> str:
    """A table of the panel's cells, a column for each model and precision: the lowest and the highest difference from
    float32 over the seeds, in dB, and the verdict where that is not `as good`. docs/precision.md has it."""

    def shown(pairs: Pairs, verdict: str) -> str:
        apart = differences(pairs).values()
        ends = [f"{value:+.2f}" for value in dict.fromkeys((min(apart), max(apart)))] if apart else ["–"]
        return " to ".join(ends) + (f", {verdict}" if verdict not in ("as good", "not run") else "")

    head = ["cell", *(f"{model}, {precision}" for model, precision in compared)]
    rows = [[_str_of(cell), *(shown(of.pairs[cell], of.verdicts[cell]) for of in compared.values())] for cell in cells]
    return "\n".join(markdown([head, *rows]))


def _judge(model: str, precision: str, compared: AgainstFloat32, cells: Sequence[Cell]) -> tuple[str, bool]:
    """The table of one model in a precision, under what it says; whether the precision passes."""
    pairs, repeats, verdicts = compared
    lower = [cell for cell in cells if verdicts[cell] in ("lower", "fails")]
    not_run = _named([cell for cell in cells if verdicts[cell] == "not run"], cells)
    few = {
        cell: f"{n} of {wanted}"
        for cell in cells
        if 0 < (n := len(pairs[cell])) < (wanted := seeds_wanted(pairs[cell]))
    }
    wild, chaotic = (Together.of(pairs, verdicts, verdict) for verdict in ("spreads", "chaotic"))
    itself = Together.of(repeats, verdicts, "chaotic")  # how far the order of sums alone moves the same mean
    loses = bool(wild.cells) and wild.low <= -MEAN_LOSS
    surely = (bool(wild.cells) and wild.high < -MEAN_LOSS) or (bool(chaotic.cells) and chaotic.high < 0)
    surely |= any(cell not in few for cell in lower)
    passes = not (lower or loses or surely or few or not_run)
    said = [f"{model} in {precision}: {'passes' if passes else 'does not pass'}"]
    said += [f"mean difference where seeds spread {wild}"] if wild.cells else []
    if chaotic.cells:
        said += [f"mean difference where it is chaotic {chaotic}", f"there, of its own repetition {itself}"]
    said += [f"lower: {', '.join(map(_str_of, lower))}"] if lower else []
    if lower or surely or (loses and wild.seeds >= LEAST_SEEDS):
        better = BETTER.get(precision, EXACT)
        said += [f"next better: {better}{'' if surely else ', unless more seeds exclude the loss'}"]
    said += [f"too few seeds: {', '.join(f'{_str_of(cell)} ({n})' for cell, n in few.items())}"] if few else []
    said += [f"not run: {', '.join(not_run)}"] if not_run else []
    rows = [_row(cell, pairs[cell], repeats[cell], verdict) for cell, verdict in verdicts.items() if pairs[cell]]
    head = ["cell", "fp32, dB", f"{precision}, dB", "difference by seed", "of itself", "verdict"]
    if not any(repeats.values()):
        head, *rows = ([*row[:-2], row[-1]] for row in (head, *rows))
    return "\n".join([*said, *(["", *markdown([head, *rows])] if rows else [])]), passes


class Together(NamedTuple):
    """Cells that are judged together, by the seeds that all of them have: the interval of the mean difference, dB."""

    cells: int
    seeds: int
    low: float
    high: float

    @classmethod
    def of(cls, pairs: Mapping[Cell, Pairs], verdicts: Mapping[Cell, str], verdict: str) -> "Together":
        apart = [differences(pairs[cell]) for cell, found in verdicts.items() if found == verdict]
        shared = sorted(set.intersection(*map(set, apart))) if apart else []
        return cls(len(apart), len(shared), *interval([statistics.fmean(of[seed] for of in apart) for seed in shared]))

    def __str__(self) -> str:
        mean = f"{self.low:+.2f} to {self.high:+.2f} dB (95 %)"
        told = mean if math.isfinite(self.low) else "unknown with fewer than two seeds"
        return f"({self.cells} cells, {self.seeds} seeds): {told}"


def _named(some: Sequence[Cell], cells: Sequence[Cell]) -> list[str]:
    """Some of the cells; in one name all those of a budget."""
    counts = {size: sum(cell[1] == size for cell in cells) for _, size in some}
    whole = [size for size, count in counts.items() if sum(cell[1] == size for cell in some) == count > 1]
    return [*(f"all {counts[size]} at {size:,}" for size in whole), *(_str_of(c) for c in some if c[1] not in whole)]


def verdict_on(pairs: Pairs, repeats: Pairs) -> str:
    """The verdict on one cell. It `fails` where only float32 ends well, or where the judged back end gave way to
    another."""
    if any(two["status"] == "ok" and two["reason"] is not None for _, two in pairs.values()):
        return "fails"
    if any(one["status"] == "ok" and two["status"] != "ok" for one, two in pairs.values()):
        return "fails"
    if not pairs:
        return "not run"
    apart = differences(pairs)
    if not apart:
        return str(next(iter(pairs.values()))[0]["status"])
    if spreads(pairs):
        return "chaotic" if is_chaotic(repeats) else "spreads"
    if len(pairs) < LEAST_SEEDS:
        return "open"
    return "as good" if statistics.fmean(apart.values()) >= -TOLERANCE else "lower"


def differences(pairs: Pairs) -> dict[int, float]:
    """Differences of PSNR after the last update, dB, by seed, where both trials have one."""
    return {
        seed: two["psnr"] - one["psnr"]
        for seed, (one, two) in sorted(pairs.items())
        if one["psnr"] is not None and two["psnr"] is not None
    }


def seeds_wanted(pairs: Pairs) -> int:
    return MORE_SEEDS if verdict_on(pairs, {}) in ("spreads", "lower") else LEAST_SEEDS


def spreads(pairs: Pairs) -> bool:
    """Whether float32's scores over seeds and the differences both have a standard deviation above TOLERANCE."""
    apart = differences(pairs)
    scores = [pairs[seed][0]["psnr"] for seed in apart]
    return len(apart) > 1 and min(map(statistics.stdev, (scores, apart.values()))) > TOLERANCE


def is_chaotic(repeats: Pairs) -> bool:
    """Whether scores of enough seeds differ, root mean square, by more than TOLERANCE from those of the same precision
    with sums in another order."""
    apart = differences(repeats).values()
    return len(apart) >= LEAST_SEEDS and math.hypot(*apart) / math.sqrt(len(apart)) > TOLERANCE


def pairs_of(lines: Sequence[Line], precision: str, exact: str = EXACT) -> dict[Cell, Pairs]:
    """What was run in both precisions; an empty entry for any other cell."""
    first, other = ({_place(line): line for line in lines if line["precision"] == p} for p in (exact, precision))
    found: dict[Cell, Pairs] = defaultdict(dict)
    for place in first:
        if place in other:
            case, size, seed = place
            found[case, size][seed] = first[place], other[place]
    return found


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of a mean (Student's t); infinite for fewer than two values."""
    if len(values) < 2:
        return -math.inf, math.inf
    (found,) = intervals(np.array(values)[:, None])
    return found.low, found.high


def _place(line: Line) -> tuple[str, int, int]:
    return line["case"], line["size"], line["seed"]


def _str_of(cell: Cell) -> str:
    return f"{cell[0]} {cell[1]:,}"


def _row(cell: Cell, pairs: Pairs, repeats: Pairs, verdict: str) -> list[str]:
    apart = differences(pairs)
    both = zip(*(pairs[seed] for seed in apart), strict=True)
    means = [f"{statistics.fmean(line['psnr'] for line in side):.2f}" for side in both] or ["–", "–"]
    signed = [" ".join(f"{value:+.2f}" for value in of.values()) or "–" for of in (apart, differences(repeats))]
    return [_str_of(cell), *means, *signed, verdict]
