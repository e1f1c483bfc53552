"""Task = signal + observation operator + what is scored (SPEC 4)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from common.errors import UsageError, suggest
from common.lattice import Lattice
from target_signals.base import Signal
from target_signals.resample import bicubic
from target_signals.tasks import metrics
from target_signals.tasks.operators import Identity, Operator, Radon, noisy
from target_signals.tasks.perceptual import lpips

TASKS = ("fit", "super_resolution", "denoise", "ct")
SIGMAS = (0.05, 0.1)  # the noise levels that `denoise` stands for
FACTOR = 4  # of super-resolution, along every axis, for signals that bring no finer lattice of their own
ANGLES = np.linspace(0, 180, 100)  # degrees; both ends, as in the paper


@dataclass(frozen=True, eq=False)
class Scoring:
    """One comparison of a fitted model with a truth; it becomes one row.

    task: the row's task name. lattice: where the model is evaluated. truth: [*shape, C].
    binary: whether the truth holds 0 and 1 alone. rings: regions with a PSNR of their own.
    paper_lattice: where the paper evaluates, if elsewhere; gives the scores named `…_paper`.
    """

    task: str
    lattice: Lattice
    truth: np.ndarray
    binary: bool
    rings: tuple[np.ndarray, ...] = ()
    paper_lattice: Lattice | None = None

    def scores(self, prediction: np.ndarray, device: str = "cpu") -> dict[str, float | None]:
        """psnr, and where they are defined ssim and lpips (images) and iou (binary volumes), of [*shape, C].

        device: where SSIM and LPIPS are computed.
        """
        clipped = metrics.clip_to_truth(self.truth, prediction)
        image = self.lattice.dim == 2
        return {
            "psnr": metrics.psnr(self.truth, clipped),
            "ssim": metrics.ssim(self.truth, clipped, device) if image else None,
            "lpips": lpips(self.truth, clipped, device) if image else None,
            "iou": metrics.iou(self.truth, clipped) if not image and self.binary else None,
        }

    def ring_scores(self, prediction: np.ndarray) -> list[float | None] | None:
        """PSNR over each ring, None for one that no sample falls in; None for a signal without rings."""
        clipped = metrics.clip_to_truth(self.truth, prediction)
        return [metrics.psnr(self.truth[r], clipped[r]) if r.any() else None for r in self.rings] or None


@dataclass(frozen=True, eq=False)
class Task:
    """What one model is trained on, and how it is scored.

    lattice: the training lattice. target: what the operator should give, [*observed, C].
    truth: what the answer on the training lattice should be, [*shape, C], for the curve; never trained on.
    scorings: at least one.
    """

    lattice: Lattice
    target: np.ndarray
    truth: np.ndarray
    operator: Operator
    scorings: tuple[Scoring, ...]

    @property
    def channels(self) -> int:
        return self.truth.shape[-1]


def make_task(name: str, signal: Signal, seed: int = 0, item: str = "") -> Task:
    """The task `name` on a signal.

    seed, item: what names the noise of a denoising task.
    Raises UsageError for an unknown name, or a signal that does not have such a task.
    """
    check_task(name, signal.dim)
    lattice, truth, finer = signal.lattice, _with_channels(signal.values, signal), signal.finer
    sigma = noise_level(name)
    if name == "super_resolution" and finer is None:
        finer, truth = _coarsened(truth)
        lattice = Lattice.regular(truth.shape[:2])
    if name in ("fit", "super_resolution"):
        scorings = [Scoring("fit", lattice, truth, signal.binary, signal.rings)]
        if finer is not None:
            scorings.append(_super_resolution(_with_channels(finer, signal), lattice))
        own = signal.finer is not None or name == "fit"  # a signal that was coarsened here has no fit row
        return Task(lattice, truth, truth, Identity(), tuple(scorings if own else scorings[1:]))
    scorings = [Scoring(name, lattice, truth, signal.binary, signal.rings)]
    if sigma is not None:
        return Task(lattice, noisy(truth, sigma, seed, item), truth, Identity(), tuple(scorings))
    radon = Radon((lattice.shape[0], lattice.shape[1]), ANGLES)
    return Task(lattice, radon.observe(truth), truth, radon, tuple(scorings))


def expand_tasks(names: Sequence[str], dim: int) -> list[str]:
    """Names as people give them → names as rows have them: `denoise` is one task a noise level."""
    found: list[str] = []
    for name in names:
        found += [f"denoise_{sigma:g}" for sigma in SIGMAS] if name == "denoise" else [name]
    for name in found:
        check_task(name, dim)
    return list(dict.fromkeys(found))


def check_task(name: str, dim: int) -> None:
    """Raise UsageError unless a signal of that dimension has the task."""
    if name not in ("fit", "super_resolution", "ct") and noise_level(name) is None:
        raise UsageError(f"unknown task '{name}'{suggest(name, TASKS)}; known: {', '.join(TASKS)}, denoise_<sigma>")
    if name == "ct" and dim != 2:
        raise UsageError(f"task 'ct' takes the sinogram of a slice, got a signal with dim {dim}; choose one with dim 2")


def noise_level(name: str) -> float | None:
    """0.05 for `denoise_0.05`; None for another task."""
    match = re.fullmatch(r"denoise_(\d+(?:\.\d+)?)", name)
    return float(match[1]) if match else None


def _with_channels(values: np.ndarray, signal: Signal) -> np.ndarray:
    return values.reshape(*values.shape[: signal.dim], signal.channels)


def _coarsened(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An image [H, W, C], cropped to whole blocks, and what is left of it after downsampling by FACTOR."""
    if values.ndim != 3:
        raise UsageError("task 'super_resolution' takes images, or volumes that bring a finer one; choose task 'fit'")
    height, width = (n // FACTOR for n in values.shape[:2])
    if min(height, width) < 2:
        raise UsageError(f"an image of {values.shape[0]}×{values.shape[1]} is too small to be downsampled by {FACTOR}")
    fine = values[: FACTOR * height, : FACTOR * width]
    coarse = np.clip(bicubic(fine, (height, width)), fine.min(), fine.max())  # the kernel overshoots at edges
    return fine, coarse.astype(np.float32)


def _super_resolution(finer: np.ndarray, coarse: Lattice) -> Scoring:
    shape = finer.shape[: coarse.dim]
    binary = bool(((finer == 0) | (finer == 1)).all())
    aligned, paper = Lattice.aligned(shape, coarse.shape), Lattice.regular(shape)
    return Scoring("super_resolution", aligned, finer, binary, paper_lattice=paper)
