"""denoise: the signal is observed with Gaussian noise, and scored without (docs/protocol.md, "Tasks")."""

import numpy as np

from target_signals.base import Signal
from target_signals.tasks.base import TaskFamily, register
from target_signals.tasks.operators import Identity
from target_signals.tasks.task import Task, generator


def noisy(values: np.ndarray, sigma: float, seed: int, item: str) -> np.ndarray:
    """values + N(0, sigma²), not clipped, float32. The seed and the item fix the noise up to its factor sigma."""
    field = generator(seed, item).standard_normal(values.shape)
    return (values + sigma * field).astype(np.float32)


@register
class Denoise(TaskFamily):
    """`denoise_0.05`: every sample is observed with noise of standard deviation 0.05 of its own."""

    name = "denoise"
    level = "sigma"
    levels = (0.05, 0.1)  # the paper's

    @classmethod
    def title(cls, level: float | None) -> str:
        return f"denoise σ = {level:g}"

    @classmethod
    def build(cls, signal: Signal, level: float | None, seed: int, item: str) -> Task:
        assert level is not None
        truth = signal.channels_last
        return Task(signal.lattice, noisy(truth, level, seed, item), truth, Identity(), (cls.scoring(signal, level),))
