"""super_resolution: a coarse lattice is observed, and a finer one scored (docs/protocol.md, "Tasks")."""

import numpy as np

from common.errors import UsageError
from common.lattice import Lattice
from common.needs import Needs
from target_signals.base import Signal, is_binary
from target_signals.resample import bicubic
from target_signals.shrink import FACTOR
from target_signals.tasks.base import TaskFamily, register
from target_signals.tasks.operators import Identity
from target_signals.tasks.task import Scoring, Task


@register
class SuperResolution(TaskFamily):
    """A signal that brings a finer lattice is fitted as in `fit`, and that fit is scored on both. Another image is
    itself the finer one, and fitted where it was downsampled by 4.

    Finer samples lie where the signal says, otherwise where the cells of both lattices fill the same box; the paper
    evaluates on the regular lattice of the finer shape instead, which gives the scores named `…_paper`.
    """

    name = "super_resolution"
    needs = Needs(off_lattice=True)
    draws = False
    coarsening = FACTOR  # of images that bring no finer lattice of their own
    shares = "fit"
    paper_suffix = "_paper"

    @classmethod
    def title(cls, level: float | None) -> str:
        return "super-resolution"

    @classmethod
    def check(cls, dim: int, finer: bool) -> None:
        super().check(dim, finer)
        if dim != 2 and not finer:
            raise UsageError(f"task '{cls.name}' takes images, or volumes that bring a finer one; choose task 'fit'")

    @classmethod
    def build(cls, signal: Signal, level: float | None, seed: int, item: str) -> Task:
        cls.check_shape(signal.lattice.shape)
        fine, coarse = _coarsened(signal.channels_last)
        lattice = Lattice.regular(coarse.shape[:2])
        return Task(lattice, coarse, coarse, Identity(), (_scoring(fine, lattice, None),))

    @classmethod
    def finer_scoring(cls, signal: Signal) -> Scoring:
        assert signal.finer is not None
        finer = signal.finer.reshape(*signal.finer.shape[: signal.dim], signal.channels)
        return _scoring(finer, signal.lattice, signal.finer_lattice)


def _coarsened(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An image [H, W, C], cropped to whole blocks, and what is left of it after downsampling by FACTOR."""
    height, width = (n // FACTOR for n in values.shape[:2])
    fine = values[: FACTOR * height, : FACTOR * width]
    coarse = np.clip(bicubic(fine, (height, width)), fine.min(), fine.max())  # the kernel overshoots at edges
    return fine, coarse.astype(np.float32)


def _scoring(finer: np.ndarray, coarse: Lattice, known: Lattice | None) -> Scoring:
    shape = finer.shape[: coarse.dim]
    aligned, paper = known or Lattice.aligned(shape, coarse.shape), Lattice.regular(shape)
    return Scoring(SuperResolution.name, aligned, finer, is_binary(finer), paper_lattice=paper)
