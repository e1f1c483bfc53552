"""example_name: a blurred signal is observed, and its sharp samples are scored. (Say here what is asked.)

    python run.py --signal Sierpinski --preset smoke --models Siren Grid --task ./example_name.py

Copied into the folder `target_signals/tasks`, it goes by its name. The whole contract: target_signals/tasks/base.py.
"""

from functools import reduce

import numpy as np
import torch
from torch import Tensor

from common.needs import Needs
from target_signals.base import Signal
from target_signals.tasks.base import TaskFamily, register
from target_signals.tasks.task import Scoring, Task, with_channels

WIDTH = 3  # samples of the running mean


class RunningMean:
    """The operator: the mean of WIDTH samples along each axis, periodic. Linear, and differentiable by PyTorch."""

    pointwise = False  # a sample's own value is not observed alone

    def __call__(self, values: Tensor) -> Tensor:
        """Values [heads, *shape, C] of a model → [heads, *observed, C]; the loss compares them with the target."""
        for axis in range(1, values.ndim - 1):
            shifted = [values.roll(k - WIDTH // 2, axis) for k in range(WIDTH)]
            values = reduce(torch.add, shifted) / WIDTH
        return values

    def observe(self, values: np.ndarray) -> np.ndarray:
        """The same of one signal, to make the target: [*shape, C] → [*observed, C], float32."""
        return self(torch.as_tensor(values)[None])[0].numpy()

    def display(self, observed: np.ndarray) -> np.ndarray:
        """An observation as something to look at; here it is an image or a volume already."""
        return observed


@register
class ExampleClass(TaskFamily):
    """Undo a running mean."""

    name = "example_name"  # in tables and --task
    needs = Needs(pointwise=False)  # as the operator says; models that only know single samples then sit out
    draws = False  # nothing at random; leave this out where `build` draws

    @classmethod
    def build(cls, signal: Signal, level: float | None, seed: int, item: str) -> Task:
        """What a model is trained on and how its answer is scored. What is random is drawn from seed and item."""
        truth = with_channels(signal.values, signal.dim)  # [*shape, C]
        operator = RunningMean()
        scoring = Scoring(cls.name, signal.lattice, truth, signal.binary, signal.rings)
        return Task(signal.lattice, operator.observe(truth), truth, operator, (scoring,))


# What else there is:
#
# operators.Identity   every sample is observed, as with noise of its own   target_signals/tasks/denoise.py
# level, levels        a number in the name, as in denoise_0.05             target_signals/tasks/denoise.py
# dims, check          signals that do not have the task                    target_signals/tasks/ct.py
# Scoring(where=…)     some samples are scored and others are not           target_signals/tasks/inpaint.py
# Scoring(lattice)     the answer on a finer lattice                        target_signals/tasks/super_resolution.py
