"""The truth behind a row, built again: rows keep what a prediction lacks (its residual), not the signal.

The signal of a person's own file is read from the results folder, which keeps it.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import UsageError
from harness.plan.source import check_size
from harness.plan.trial import About
from harness.store.names import known
from harness.store.own_signal import kept_signal, signal_path
from target_signals.user_file import UserFile

TOLERANCE = 0.01  # dB; by more than this the signal of today differs from the one that was scored


@dataclass(frozen=True, eq=False)
class Target:
    """truth: what a prediction was scored against, [*shape, C]. binary: it holds 0 and 1 alone.

    seen: what the model was trained on, on a lattice. observe: the operator between them.
    constant: PSNR of the mean of what is scored.
    """

    truth: np.ndarray
    binary: bool
    seen: np.ndarray
    observe: Callable[[np.ndarray], np.ndarray]
    constant: float


def build(row: Mapping[str, Any], out: str | Path | None = None) -> Target:
    """The target that a row names, as it is today. Raises UsageError or OSError when it cannot be had here.

    out: the results folder of the row, without which a person's own file is not to be had.
    """
    item, length, bandlimit = (known(row[name]) for name in ("item", "length", "bandlimit"))
    length = None if length is None else int(length)
    check_size(row["signal"], int(row["dim"]), length)
    kept = signal_path(out, row) if row["signal"] == UserFile.name and out is not None else None
    about = About(row["signal"], int(row["dim"]), length, bandlimit, int(row["signal_seed"]), item)
    return _built(about, row["task"], kept)


def rebuild(row: Mapping[str, Any], out: str | Path | None = None) -> Target:
    """`build`, and the certainty that it is the one of the row: UsageError that says why when it is not to be had."""
    try:
        found = build(row, out)
    except OSError as error:
        raise UsageError(f"its data cannot be read: {error}") from error
    shape, (now, then) = row["shape"], (found.constant, known(row["psnr_constant"]))
    if not isinstance(shape, list) or then is None:
        raise UsageError("its row does not say its shape or the score of its mean, by which it is known again")
    if list(found.truth.shape) != shape:
        raise UsageError(f"its shape is {list(found.truth.shape)} now, and was {shape} when it was scored")
    if abs(now - then) > TOLERANCE:
        raise UsageError(f"its values differ from those that were scored (constant mean {now:.2f} dB, was {then:.2f})")
    return found


@functools.lru_cache(maxsize=4)
def _built(about: About, name: str, kept: Path | None) -> Target:
    """name: of the task. kept: where the values of a person's own file lie."""
    import target_signals
    from target_signals.tasks.base import make_task

    found = target_signals.get_signal(*about) if kept is None else kept_signal(kept, about.dim)
    task = make_task(name, found, about.seed, about.item or "")
    scoring = task.scoring_of(name)
    seen, observe = task.operator.display(task.target), task.operator.observe
    return Target(scoring.truth, scoring.binary, seen, observe, scoring.psnr_of_constant)
