"""The panel's table, and which precisions pass.

A cell is one signal and one budget. Where float32's own scores spread over seeds, as those of models do that train
unstably, single differences say little: such cells count by their mean. A precision passes where
no cell that does not spread is lower by more than TOLERANCE, and over the seeds a 95 % interval (Student's t, paired)
of the mean difference over all cells excludes a loss of more than MEAN_LOSS.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from cost_table import markdown

TOLERANCE = 0.1  # dB
MEAN_LOSS = 0.3  # dB
LEAST_SEEDS = 3
EXACT = "fp32"
BETTER = {"bf16": "bf16x3", "bf16x3": "tf32", "tf32": "fp32"}  # what is tried when a precision does not pass

Line = dict[str, Any]
Cell = tuple[str, int]  # case, budget


def render(lines: Sequence[Line], panel: Sequence[str]) -> tuple[str, bool]:
    """The tables of every model and precision; whether all pass. panel: the names of its cases."""
    parts, passed = [], True
    sizes = sorted({line["size"] for line in lines})
    for model in dict.fromkeys(line["model"] for line in lines):
        own = [line for line in lines if line["model"] == model]
        for precision in dict.fromkeys(line["precision"] for line in own if line["precision"] != EXACT):
            text, good = _judge(model, precision, own, [(case, size) for case in panel for size in sizes])
            parts.append(text)
            passed &= good
    return "\n\n".join(parts) or "no line of a precision other than fp32", passed and bool(parts)


def _judge(model: str, precision: str, lines: Sequence[Line], cells: Sequence[Cell]) -> tuple[str, bool]:
    exact, other = ({_place(line): line for line in lines if line["precision"] == p} for p in (EXACT, precision))
    by_cell: dict[Cell, dict[int, tuple[Line, Line]]] = defaultdict(dict)
    for (case, size, seed), line in exact.items():
        if (case, size, seed) in other:
            by_cell[case, size][seed] = (line, other[case, size, seed])
    rows = [["cell", "fp32, dB", f"{precision}, dB", "difference by seed", "verdict"]]
    lower: list[str] = []
    by_seed: dict[int, list[float]] = defaultdict(list)
    for cell in cells:
        if cell not in by_cell:
            continue
        pairs = by_cell[cell]
        both = {seed: pair for seed, pair in pairs.items() if all(line["psnr"] is not None for line in pair)}
        apart = {seed: two["psnr"] - one["psnr"] for seed, (one, two) in both.items()}
        for seed, difference in apart.items():
            by_seed[seed].append(difference)
        verdict = _verdict(pairs, apart)
        if verdict in ("lower", "fails"):
            lower.append(f"{cell[0]} {cell[1]:,}")
        means = [f"{statistics.fmean(line['psnr'] for line in side):.2f}" for side in zip(*both.values(), strict=True)]
        shown = " ".join(f"{difference:+.2f}" for difference in apart.values())
        rows.append([f"{cell[0]} {cell[1]:,}", *(means or ["–", "–"]), shown or "–", verdict])
    lacking = [f"{case} {size:,}" for case, size in cells if len(by_cell.get((case, size), {})) < LEAST_SEEDS]
    low, high = interval([statistics.fmean(found) for found in by_seed.values()])
    enough = math.isfinite(low)
    good = not lower and not lacking and enough and low > -MEAN_LOSS
    mean = f"{low:+.2f} to {high:+.2f} dB" if enough else "unknown with fewer than two seeds"
    said = [f"{model} in {precision}: {'passes' if good else 'does not pass'}; mean difference {mean} (95 %)"]
    said += [f"lower: {', '.join(lower)}"] if lower else []
    said += [f"next better: {BETTER[precision]}"] if lower or (enough and low <= -MEAN_LOSS) else []
    said += [f"fewer than {LEAST_SEEDS} seeds: {', '.join(lacking)}"] if lacking else []
    return "\n".join([*said, "", *markdown(rows)]), good


def _verdict(pairs: dict[int, tuple[Line, Line]], apart: dict[int, float]) -> str:
    """`fails` where only float32 ends well, or where the judged back end gave way to another; else by the scores."""
    if any(two["status"] == "ok" and two["reason"] is not None for _, two in pairs.values()):
        return "fails"
    if any(one["status"] == "ok" and two["status"] != "ok" for one, two in pairs.values()):
        return "fails"
    if not apart:
        return pairs[next(iter(pairs))][0]["status"]
    scores = [one["psnr"] for one, _ in pairs.values() if one["psnr"] is not None]
    if len(scores) > 1 and statistics.stdev(scores) > TOLERANCE:
        return "spreads"
    return "as good" if statistics.fmean(apart.values()) >= -TOLERANCE else "lower"


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
