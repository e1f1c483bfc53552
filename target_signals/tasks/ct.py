"""ct: the sinogram of a slice is observed, and the slice scored (docs/protocol.md, "Tasks")."""

from functools import partial

import numpy as np

from common.needs import Needs
from target_signals.base import Signal
from target_signals.tasks.back_projection import filtered_back_projection
from target_signals.tasks.base import TaskFamily, register
from target_signals.tasks.radon import Radon
from target_signals.tasks.task import Task

ANGLES = np.linspace(0, 180, 100)  # degrees; both ends, as in the paper


@register
class ComputedTomography(TaskFamily):
    """Parallel beams at 100 angles. Models' settings were tuned for it."""

    name = "ct"
    dims = (2,)
    needs = Needs(pointwise=False, invertible=True)
    settings = "ct"
    draws = False
    views = ("sinogram",)

    @classmethod
    def title(cls, level: float | None) -> str:
        return "CT"

    @classmethod
    def build(cls, signal: Signal, level: float | None, seed: int, item: str) -> Task:
        truth = signal.channels_last
        radon = Radon((truth.shape[0], truth.shape[1]), ANGLES)
        sinogram = radon.observe(truth)
        inverse = partial(filtered_back_projection, sinogram, radon.shape, radon.angles)
        return Task(signal.lattice, sinogram, truth, radon, (cls.scoring(signal, level),), inverse=inverse)
