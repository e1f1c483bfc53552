"""What a run on a user's own signal comes to, in a few lines: who is best, at what cost, and where it still fails."""

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common.files import Unfit
from harness.plan.trial import Trial
from harness.store.residual import load_residual
from harness.store.schema import OK, Row, busy
from harness.store.store import Store

if TYPE_CHECKING:
    import pandas as pd

BITS = 32  # of one stored value
BANDS = ("lowest", "low", "high", "highest")  # quarters of the frequencies up to Nyquist's
REGIONS = ("first", "middle", "last")  # thirds of an axis
IMAGE_REGIONS = (("top", "middle", "bottom"), ("left", "centre", "right"))


def tell(rows: "pd.DataFrame", out: str | Path, trials: Sequence[Trial]) -> str:
    """The verdict on every task of one signal's rows; empty when no row is ok."""
    names = {(name.task, name.model, name.budget, name.seed): name for trial in trials for name in trial.rows}
    cells: dict[tuple[str, int], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows.to_dict("records"):
        if row["status"] == OK:
            cells[row["task"], row["size"]][row["model"]].append({str(column): value for column, value in row.items()})
    lines: list[str] = []
    for (task, size), by_model in sorted(cells.items()):
        lines += [] if f"verdict, task {task}:" in lines else [f"verdict, task {task}:"]
        best = max(by_model, key=lambda model: _mean(by_model[model], "psnr"))
        name = names[task, best, size, by_model[best][0]["seed"]]
        try:
            residual = load_residual(Store(out, name.folder).array_path(name.key), by_model[best][0])
            error = where_it_fails(residual)
        except (Unfit, OSError) as unfit:
            error = f"largest error: unknown, as its array cannot be used: {unfit}"
        lines += [f"  {_first(size, by_model, best)}", f"    {_quickest(by_model)}", f"    {error}"]
    return "\n".join(lines)


def _mean(rows: list[Row], column: str) -> float:
    return math.fsum(row[column] for row in rows) / len(rows)


def _first(size: int, by_model: dict[str, list[Row]], best: str) -> str:
    row, score = by_model[best][0], _mean(by_model[best], "psnr")
    rate = f"{BITS * row['parameters'] / math.prod(row['shape']):.3g} bits a sample"
    others = {model: _mean(rows, "psnr") for model, rows in by_model.items() if model != best}
    if not others:
        return f"{size:,} parameters ({rate}): {best}, {score:.2f} dB; no other to compare with"
    second = max(others, key=lambda model: others[model])
    return (
        f"{size:,} parameters ({rate}): {best} is best with {score:.2f} dB, "
        f"{score - others[second]:.2f} dB ahead of {second}"
    )


def _quickest(by_model: dict[str, list[Row]]) -> str:
    """The model that gains most over the constant mean for each second of training."""

    def rate(model: str) -> float:
        gain = _mean(by_model[model], "psnr") - _mean(by_model[model], "psnr_constant")
        return gain / max(_mean(by_model[model], "seconds"), 1e-3)

    model = max(by_model, key=rate)
    seconds = _mean(by_model[model], "seconds")
    doubtful = ", timed on a busy machine" if any(map(busy, by_model[model])) else ""
    return f"most quality per second: {model}, {rate(model):.3g} dB a second over the mean, {seconds:.2f} s{doubtful}"


def where_it_fails(residual: np.ndarray) -> str:
    """The region and the frequency band of the largest error: residual [*shape, C]."""
    squared = residual.astype(np.float64) ** 2
    energy = squared.sum() or 1.0
    parts = [np.array_split(np.arange(n), 3) for n in residual.shape[:-1]]
    share = np.array([squared[np.ix_(*cell)].sum() for cell in itertools.product(*parts)]) / energy
    worst = np.unravel_index(int(share.argmax()), (3,) * len(parts))
    if len(parts) == 2:
        region = f"{IMAGE_REGIONS[0][worst[0]]} {IMAGE_REGIONS[1][worst[1]]}"
    else:
        region = ", ".join(f"{REGIONS[i]} third of axis {axis}" for axis, i in enumerate(worst))
    spectrum = np.abs(np.fft.fftn(residual, axes=range(len(parts)))).astype(np.float64) ** 2
    radius = np.sqrt(sum(f**2 for f in np.ix_(*[np.fft.fftfreq(n) for n in residual.shape[:-1]]))) / 0.5
    bands = np.minimum((radius * len(BANDS)).astype(int), len(BANDS) - 1)
    by_band = np.bincount(bands.ravel(), spectrum.sum(-1).ravel(), len(BANDS)) / (spectrum.sum() or 1.0)
    return (
        f"largest error: {region} ({share.max():.0%} of it in one of {share.size} parts), "
        f"{BANDS[int(by_band.argmax())]} quarter of the frequencies ({by_band.max():.0%})"
    )
