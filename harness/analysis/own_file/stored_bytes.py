"""What a fitted model takes in bytes, beside codecs at that size."""

import math
import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common.errors import UsageError
from harness.analysis import target
from harness.analysis.bits import codecs
from harness.analysis.cell import cell_of
from harness.analysis.spread import mean
from harness.analysis.winner import mean_of
from harness.store.names import folder_of, key_of
from harness.store.schema import Row
from harness.store.store import Store
from target_signals.tasks.metrics import METRICS

FLOAT = 4  # bytes of a float32
MOST_VALUES = 1 << 24  # of a signal that codecs are tried on; AVIF takes seconds for as many
LOSS = 0.1  # dB that compression may cost: of the numbers of bits that cost less the least is told
PSNR = METRICS["psnr"]


def told(rows: Sequence[Row], out: str | Path) -> str:
    """Bytes of one model at one budget. rows: of its draws, which ended well. out: their results folder.

    Where all rows have compressed files, these count, and codecs' files that are no larger are set beside them.
    """
    bits = _fewest_bits(rows)
    if bits is None:
        count = mean(row["parameters"] for row in rows)
        rate = mean(8 * FLOAT * row["parameters"] / _samples(row) for row in rows)
        counts, channels = {_samples(row) for row in rows}, {row["shape"][-1] for row in rows}
        of = "" if channels == {1} else f" of {' or '.join(map(str, sorted(channels)))} values"
        signal = f"{mean(counts):,.0f} samples{of}{' on average' if len(counts) > 1 else ''}"
        return (
            f"{FLOAT * count:,.0f} bytes as {count:,.0f} float32 values, {rate:.3g} bits a sample "
            f"({signal}); --bits makes smaller files"
        )
    own = [_rate(row, bits) for row in rows]
    size, psnr = (_mean(rows, [rate[name] for rate in own]) for name in ("bytes", "psnr"))
    sizes = [8 * rate["bytes"] / _samples(row) for rate, row in zip(own, rows, strict=True)]
    files = f"a file of {size:,.0f} bytes" if len(rows) == 1 else f"files of {size:,.0f} bytes on average"
    text = f"{files} ({bits} bits a value, {_mean(rows, sizes):.3g} a sample) with {PSNR.text(psnr)} dB"
    return text + _beside(rows, [rate["bytes"] for rate in own], out)


def where(rows: Sequence[Row], out: str | Path) -> str | None:
    """Where the file is of which `told` tells, or how it is written; of several draws the first one's. None without
    such files."""
    bits, row = _fewest_bits(rows), rows[0]
    if bits is None:
        return None
    store, key, rate = Store(out, folder_of(row)), key_of(row), _rate(row, bits)
    model, file = store.model_path(key), store.coded_path(key, bits)
    if file.is_file() and file.stat().st_size == rate["bytes"]:
        return f"the file: {file}, which python -m harness render draws"
    if model.is_file() and not rate.get("quantised_passes"):
        return f"to write it: python -m harness compress {shlex.quote(str(model))} --bits {bits}"
    return "to keep it: --save-model --force, which fits again"


def _fewest_bits(rows: Sequence[Row]) -> int | None:
    """The least number of bits a value at which all rows together lose less than LOSS; else the best there is."""
    known = [{rate["bits"] for rate in row.get("rates") or () if rate["psnr"] is not None} for row in rows]
    scores = {bits: _mean(rows, [_rate(row, bits)["psnr"] for row in rows]) for bits in set.intersection(*known)}
    if not scores:
        return None
    least = _mean(rows, [row["psnr"] for row in rows]) - LOSS
    return min((bits for bits, score in scores.items() if score > least), default=max(scores, key=lambda b: scores[b]))


def _mean(rows: Sequence[Row], values: Sequence[float]) -> float:
    """Over items where there are several, however many seeds each has, as scores and codecs' are."""
    return mean_of(dict(zip(map(cell_of, rows), values, strict=True)))


def _rate(row: Row, bits: int) -> Row:
    return next(rate for rate in row["rates"] if rate["bits"] == bits)


def _samples(row: Row) -> int:
    return math.prod(row["shape"][:-1])


def _beside(rows: Sequence[Row], sizes: Sequence[int], out: str | Path) -> str:
    """PSNR of codecs at these sizes, over the signals; nothing where these are not to be had, too large, or not
    what was seen."""
    first = {row["item"]: (row, size) for row, size in reversed(list(zip(rows, sizes, strict=True)))}
    found: list[dict[str, float]] = []
    for row, size in first.values():
        try:
            signal = target.rebuild(row, out)
        except UsageError:
            return ""
        if signal.truth.size > MOST_VALUES or not np.array_equal(signal.seen, signal.truth):
            return ""
        found.append(codecs.within(signal.truth, size))
    names = [name for name in found[0] if all(name in own for own in found)]
    scores = [f"{name} {PSNR.text(mean(own[name] for own in found))}" for name in names]
    return f"; codecs, no larger: {', '.join(scores)} dB" if scores else ""
