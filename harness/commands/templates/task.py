"""example_name: a blurred signal is observed, and its sharp samples are scored. (Say here what is asked.)

    python run.py --signal Sierpinski --preset smoke --models Siren Grid --task ./example_name.py

Copied into the folder `target_signals/tasks`, it goes by its name. The whole contract: target_signals/tasks/base.py.
"""

from functools import reduce

import torch
from torch import Tensor

from common.needs import Needs
from target_signals.base import Signal
from target_signals.tasks.base import TaskFamily, register
from target_signals.tasks.operators import Operator
from target_signals.tasks.task import Task

WIDTH = 3  # samples of the running mean


class RunningMean(Operator):
    """The mean of WIDTH samples along each axis, periodic. Linear, and differentiable by PyTorch."""

    def __call__(self, values: Tensor) -> Tensor:
        """Values [heads, *shape, C] of a model → [heads, *observed, C]; the loss compares them with the target."""
        for axis in range(1, values.ndim - 1):
            shifted = [values.roll(k - WIDTH // 2, axis) for k in range(WIDTH)]
            values = reduce(torch.add, shifted) / WIDTH
        return values


@register
class ExampleClass(TaskFamily):
    """Undo a running mean."""

    name = "example_name"  # in tables and --task
    needs = Needs(pointwise=False)  # single samples are not observed; models that know nothing else sit out
    draws = False  # nothing is drawn at random; leave this line out where `build` draws

    @classmethod
    def build(cls, signal: Signal, level: float | None, seed: int, item: str) -> Task:
        """What a model is trained on and how its answer is scored. `generator(seed, item)` draws what is random."""
        truth, operator = signal.channels_last, RunningMean()  # [*shape, C]
        return Task(signal.lattice, operator.observe(truth), truth, operator, (cls.scoring(signal, level),))


# What else there is:
#
# Operator.display     a picture of what is observed, where it is none      target_signals/tasks/operators.py
# operators.Identity   every sample is observed, as with noise of its own   target_signals/tasks/denoise.py
# task.generator       what a task draws with, as noise                     target_signals/tasks/denoise.py
# level, levels        a number in the name, as in denoise_0.05             target_signals/tasks/denoise.py
# dims, check          signals that do not have the task                    target_signals/tasks/ct.py
# Radon, inverse       sinograms, of any angles, and FBP beside the models  target_signals/tasks/ct.py
# scoring(where=…)     some samples are scored and others are not           target_signals/tasks/inpaint.py
# Scoring(lattice)     the answer on a finer lattice                        target_signals/tasks/super_resolution.py
