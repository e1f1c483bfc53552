"""What a row says of its run, asked wherever rows are shown."""

import math
from collections.abc import Mapping
from typing import Any

from harness.store.schema import BUSY, OK


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
