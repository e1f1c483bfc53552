"""Task = signal + observation operator + what is scored (SPEC 4)."""

from dataclasses import dataclass

import numpy as np

from registry import UsageError, suggest
from target_signals import metrics
from target_signals.lattice import Lattice
from target_signals.operators import Identity, Operator
from target_signals.signal import Signal

TASKS = ("fit",)


@dataclass(frozen=True, eq=False)
class Scoring:
    """One comparison of a fitted model with a truth; it becomes one row.

    task: the row's task name. lattice: where the model is evaluated. truth: [*shape, C].
    binary: whether the truth holds 0 and 1 alone. rings: regions with a PSNR of their own.
    """

    task: str
    lattice: Lattice
    truth: np.ndarray
    binary: bool
    rings: tuple[np.ndarray, ...] = ()

    def scores(self, prediction: np.ndarray) -> dict[str, float | None]:
        """psnr, and where they are defined ssim (images) and iou (binary volumes), of [*shape, C]."""
        clipped = metrics.clip_to_truth(self.truth, prediction)
        return {
            "psnr": metrics.psnr(self.truth, clipped),
            "ssim": metrics.ssim(self.truth, clipped) if self.lattice.dim == 2 else None,
            "lpips": None,
            "iou": metrics.iou(self.truth, clipped) if self.lattice.dim == 3 and self.binary else None,
        }

    def ring_scores(self, prediction: np.ndarray) -> list[float | None] | None:
        """PSNR over each ring, None for one that no sample falls in; None for a signal without rings."""
        clipped = metrics.clip_to_truth(self.truth, prediction)
        return [metrics.psnr(self.truth[r], clipped[r]) if r.any() else None for r in self.rings] or None


@dataclass(frozen=True, eq=False)
class Task:
    """What one model is trained on, and how it is scored.

    lattice: the training lattice. target: what the operator should give, [*observed, C].
    scorings: at least one; the first is on the training lattice and gives the curve's PSNR.
    """

    lattice: Lattice
    target: np.ndarray
    operator: Operator
    scorings: tuple[Scoring, ...]

    @property
    def channels(self) -> int:
        return self.scorings[0].truth.shape[-1]


def make_task(name: str, signal: Signal) -> Task:
    """The task `name` on a signal. Raises UsageError for an unknown name."""
    check_task(name)
    truth = signal.values.reshape(*signal.lattice.shape, signal.channels)
    scoring = Scoring("fit", signal.lattice, truth, signal.binary, signal.rings)
    return Task(signal.lattice, truth, Identity(), (scoring,))


def check_task(name: str) -> None:
    if name not in TASKS:
        raise UsageError(f"unknown task '{name}'{suggest(name, TASKS)}; known: {', '.join(TASKS)}")
