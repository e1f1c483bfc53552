"""fit: the signal itself is observed, and scored where it was."""

from target_signals.base import Signal
from target_signals.tasks.base import TaskFamily, register
from target_signals.tasks.operators import Identity
from target_signals.tasks.task import Task


@register
class Fit(TaskFamily):
    """Where a signal brings a finer lattice, `super_resolution` shares its trial."""

    name = "fit"
    draws = False

    @classmethod
    def build(cls, signal: Signal, level: float | None, seed: int, item: str) -> Task:
        truth = signal.channels_last
        return Task(signal.lattice, truth, truth, Identity(), (cls.scoring(signal, level),))
