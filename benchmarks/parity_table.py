"""The panel's table, and which precisions pass.

A cell is one signal and one budget; it asks for LEAST_SEEDS. Where float32's own scores spread over seeds and the
differences do as well, as those of models do that train unstably, one difference says little: such cells ask for
SPREADING_SEEDS and are judged together. (Scores alone also spread where a seed draws another signal, and differences
are steady.) A precision passes where every cell has its seeds, no cell that does not spread is lower by more than
TOLERANCE, and, of the cells that spread, a 95 % interval (Student's t, paired, over seeds) of the mean difference
excludes a loss of more than MEAN_LOSS.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from cost_table import markdown

TOLERANCE = 0.1  # dB
MEAN_LOSS = 0.3  # dB
LEAST_SEEDS, SPREADING_SEEDS = 3, 5
EXACT = "fp32"  # what others are held to
BETTER = {"bf16": "bf16x3", "bf16x3": "tf32", "tf32": "fp32"}  # what is tried when a precision does not pass

Line = dict[str, Any]
Cell = tuple[str, int]  # case, budget
Pairs = dict[int, tuple[Line, Line]]  # seed → float32's line, the other precision's


def render(lines: Sequence[Line], cells: Sequence[Cell], own: Mapping[str, str]) -> tuple[str, bool]:
    """The tables of every precision that has been run or is a model's own; whether the models' own all pass.

    cells: the panel's; others are shown and not judged. own: what each model trains in on CUDA.
    """
    asked = [(model, precision) for model, precision in own.items() if precision != EXACT]
    run = [(line["model"], line["precision"]) for line in lines if line["precision"] != EXACT]
    parts, passed = [_about(lines)], True
    for model, precision in sorted(dict.fromkeys([*asked, *run]), key=lambda pair: list(own).index(pair[0])):
        text, good = _judge(model, precision, [line for line in lines if line["model"] == model], cells)
        parts.append(text)
        passed &= good or own[model] != precision
    return "\n\n".join(parts), passed


def _about(lines: Sequence[Line]) -> str:
    """Machines and commits."""
    devices, commits = (sorted({str(line[name]) for line in lines}) for name in ("device", "commit"))
    return f"{len(lines)} trials on {', '.join(devices)}; commit {', '.join(commits)}" if lines else "no trials"


def _judge(model: str, precision: str, lines: Sequence[Line], cells: Sequence[Cell]) -> tuple[str, bool]:
    """The table of one model's lines in a precision, under what it says; whether the precision passes."""
    pairs = pairs_of(lines, precision)
    every = dict.fromkeys([*cells, *pairs])
    verdicts = {cell: verdict_on(pairs[cell]) if cell in cells else "watched" for cell in every}
    lower = [_str_of(cell) for cell in cells if verdicts[cell] in ("lower", "fails")]
    not_run = _named([cell for cell in cells if verdicts[cell] == "not run"], cells)
    few = [f"{_str_of(c)} ({n} of {m})" for c in cells if 0 < (n := len(pairs[c])) < (m := seeds_wanted(pairs[c]))]
    wild = [differences(pairs[cell]) for cell, verdict in verdicts.items() if verdict == "spreads"]
    shared = sorted(set.intersection(*map(set, wild))) if wild else []
    low, high = interval([statistics.fmean(apart[seed] for apart in wild) for seed in shared])
    loses = bool(wild) and low <= -MEAN_LOSS
    passes = not (lower or loses or few or not_run)
    said = [f"{model} in {precision}: {'passes' if passes else 'does not pass'}"]
    if wild:
        mean = f"{low:+.2f} to {high:+.2f} dB (95 %)" if math.isfinite(low) else "unknown with fewer than two seeds"
        said += [f"mean difference where seeds spread ({len(wild)} cells, {len(shared)} seeds): {mean}"]
    said += [f"lower: {', '.join(lower)}"] if lower else []
    open_still = "" if lower or high < -MEAN_LOSS else ", unless more seeds exclude the loss"
    said += [f"next better: {BETTER[precision]}{open_still}"] if lower or (loses and len(shared) >= LEAST_SEEDS) else []
    said += [f"too few seeds: {', '.join(few)}"] if few else []
    said += [f"not run: {', '.join(not_run)}"] if not_run else []
    rows = [_row(cell, pairs[cell], verdict) for cell, verdict in verdicts.items() if pairs[cell]]
    head = ["cell", "fp32, dB", f"{precision}, dB", "difference by seed", "verdict"]
    return "\n".join([*said, *(["", *markdown([head, *rows])] if rows else [])]), passes


def _named(some: Sequence[Cell], cells: Sequence[Cell]) -> list[str]:
    """Some of the cells; in one name all those of a budget."""
    counts = {size: sum(cell[1] == size for cell in cells) for _, size in some}
    whole = [size for size, count in counts.items() if sum(cell[1] == size for cell in some) == count > 1]
    return [*(f"all {counts[size]} at {size:,}" for size in whole), *(_str_of(c) for c in some if c[1] not in whole)]


def verdict_on(pairs: Pairs) -> str:
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
        return "spreads"
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
    return SPREADING_SEEDS if spreads(pairs) else LEAST_SEEDS


def spreads(pairs: Pairs) -> bool:
    """Whether float32's scores over seeds and the differences both have a standard deviation above TOLERANCE."""
    apart = differences(pairs)
    scores = [pairs[seed][0]["psnr"] for seed in apart]
    return len(apart) > 1 and min(map(statistics.stdev, (scores, apart.values()))) > TOLERANCE


def pairs_of(lines: Sequence[Line], precision: str) -> dict[Cell, Pairs]:
    """What was run in both precisions; an empty entry for any other cell."""
    exact, other = ({_place(line): line for line in lines if line["precision"] == p} for p in (EXACT, precision))
    found: dict[Cell, Pairs] = defaultdict(dict)
    for place in exact:
        if place in other:
            case, size, seed = place
            found[case, size][seed] = exact[place], other[place]
    return found


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of a mean (Student's t); infinite for fewer than two values."""
    if len(values) < 2:
        return -math.inf, math.inf
    from scipy.stats import t

    half = float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    mean = statistics.fmean(values)
    return mean - half, mean + half


def _place(line: Line) -> tuple[str, int, int]:
    return line["case"], line["size"], line["seed"]


def _str_of(cell: Cell) -> str:
    return f"{cell[0]} {cell[1]:,}"


def _row(cell: Cell, pairs: Pairs, verdict: str) -> list[str]:
    apart = differences(pairs)
    both = zip(*(pairs[seed] for seed in apart), strict=True)
    means = [f"{statistics.fmean(line['psnr'] for line in side):.2f}" for side in both] or ["–", "–"]
    return [_str_of(cell), *means, " ".join(f"{difference:+.2f}" for difference in apart.values()) or "–", verdict]
