"""What a row says of its run, asked wherever rows are shown."""

import datetime
import math
from collections.abc import Iterable, Mapping
from typing import Any

from harness.store.schema import BUSY, OK

FLATTEST = 50  # times as far apart along one axis as along another: beyond, a picture would be a line


def finite(value: float | None) -> float | None:
    """A number of a row; None where there is none, or one that is not finite."""
    return None if value is None or not math.isfinite(value) else float(value)


def was_timed(row: Mapping[Any, Any]) -> bool:
    """Whether a row's run ended well and its seconds are known."""
    return row["status"] == OK and (finite(row["seconds"]) or 0) > 0


def busy(row: Mapping[Any, Any]) -> bool:
    """Whether a row's times were taken on a machine that others used as well, so that they may be too long."""
    load = row.get("load_at_start")
    return load is not None and load > BUSY


def started_at(row: Mapping[Any, Any]) -> float:
    """When a row's run started, in seconds since 1970. ValueError where it does not say, as other people's may not."""
    return datetime.datetime.fromisoformat(row["started"]).timestamp()


def pictured_spacing(spacing: Any, dim: int) -> tuple[float, ...]:
    """Distances of neighbouring samples along the axes of a picture, of which the least is 1. All are 1 where a row's
    `spacing` does not say them, or says something of which no picture can be made."""
    if isinstance(spacing, list) and len(spacing) == dim and None not in spacing:
        least = min(spacing)
        if 0 < least >= max(spacing) / FLATTEST:
            return tuple(step / least for step in spacing)
    return (1.0,) * dim


def at_once(rows: Iterable[Mapping[Any, Any]]) -> int:
    """How many of these fits at most are known to have run at the same time on GPUs, of which rows do not say which.

    A fit lasts from its start for at least the seconds of its training.
    """
    ends: list[tuple[float, int]] = []
    for row in rows:
        if was_timed(row) and str(row["device"]).startswith("cuda"):
            try:
                start = started_at(row)
            except ValueError:
                continue
            ends += [(start, 1), (start + row["seconds"], -1)]
    most = now = 0
    for _, step in sorted(ends):
        now += step
        most = max(most, now)
    return most
