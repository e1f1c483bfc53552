"""inpaint: some samples are observed, drawn at random, and all the others scored."""

import numpy as np

from common.errors import UsageError
from common.needs import Needs
from target_signals.base import Signal
from target_signals.tasks.base import TaskFamily, register
from target_signals.tasks.operators import Selection
from target_signals.tasks.task import Task, generator


def drawn(shape: tuple[int, ...], fraction: float, seed: int, item: str) -> np.ndarray:
    """Which samples of a lattice are seen: bool [*shape], round(fraction · N) of N.

    The seed and the item put all samples in one order, of which the first are seen: a larger fraction sees the same
    ones and more. Channels of a sample are seen together.
    """
    count = int(np.prod(shape))
    seen = np.zeros(count, dtype=bool)
    order = generator(seed, item, "inpaint").permutation(count)
    seen[order[: round(fraction * count)]] = True
    return seen.reshape(shape)


@register
class Inpaint(TaskFamily):
    """`inpaint_0.2`: a fifth of the samples is seen.

    The loss is over the seen samples, every score over the hidden ones. They say how well a model fills gaps, which
    its error at the seen samples would hide. An operator that leaves samples out has no mini-batches: a pass is one
    update on all that is seen.
    """

    name = "inpaint"
    level = "fraction"
    levels = (0.5,)
    needs = Needs(pointwise=False)

    @classmethod
    def title(cls, level: float | None) -> str:
        assert level is not None
        return f"inpaint, {100 * level:g} % seen"

    @classmethod
    def check_level(cls, level: float) -> None:
        if not 0 < level < 1:
            raise UsageError(
                f"task 'inpaint' takes the fraction of samples that are seen, between 0 and 1, not {level:g}"
            )

    @classmethod
    def build(cls, signal: Signal, level: float | None, seed: int, item: str) -> Task:
        assert level is not None
        truth, lattice = signal.channels_last, signal.lattice
        seen = drawn(lattice.shape, level, seed, item)
        if seen.all() or not seen.any():
            whole = "all" if seen.all() else "none"
            raise UsageError(f"task '{cls.named(level)}' sees {whole} of {seen.size} samples; choose another fraction")
        selection = Selection(seen)
        scoring = cls.scoring(signal, level, where=~seen)
        return Task(lattice, selection.observe(truth), truth, selection, (scoring,), where=~seen)
