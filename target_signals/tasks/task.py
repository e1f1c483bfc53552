"""A task on a signal: what a model is trained on, and how its answer is scored (docs/protocol.md, "Tasks")."""

import functools
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from common.errors import UsageError
from common.lattice import Lattice
from common.needs import Needs
from target_signals.tasks import metrics
from target_signals.tasks.operators import Identity, Operator

# in place of no word at all, whose 0 NumPy would drop: noise would be that of a signal that `default_rng(seed)` draws
WHOLE = "whole"


@dataclass(frozen=True, eq=False)
class Scoring:
    """One comparison of a fitted model with a truth; it becomes one row.

    task: the row's task name. lattice: where the model is evaluated. truth: [*shape, C].
    binary: whether the truth holds 0 and 1 alone. rings: regions with a PSNR of their own.
    paper_lattice: where the paper evaluates, if elsewhere; gives the scores named `…_paper`.
    where: the samples [*shape] that are scored; None for all. PSNR, IoU and rings are of them alone; SSIM and LPIPS,
    which look at neighbourhoods, are of the image that has the truth at all other samples.
    """

    task: str
    lattice: Lattice
    truth: np.ndarray
    binary: bool
    rings: tuple[np.ndarray, ...] = ()
    paper_lattice: Lattice | None = None
    where: np.ndarray | None = None

    def scores(self, prediction: metrics.Values, truth: metrics.Values | None = None) -> dict[str, float | None]:
        """Every metric of a prediction [*shape, C], measured where it is; None for those that do not exist here.

        truth: this one's, where it is at hand beside the prediction.
        """
        truth, found = metrics.tensors(self.truth if truth is None else truth, prediction)
        where = None if self.where is None else metrics.tensors(self.where, found)[0]
        scored = metrics.Scored(truth, metrics.clip_to_truth(truth, found), self.binary, where)
        return {name: metric.score(scored) for name, metric in metrics.METRICS.items()}

    def psnr(self, prediction: metrics.Values) -> float:
        """PSNR of a prediction [*shape, C]: the same as among `scores`."""
        return metrics.clipped_psnr(self.truth, prediction, self.where)

    def ring_scores(self, prediction: metrics.Values) -> list[float | None] | None:
        """PSNR over each ring, None for one that no scored sample falls in; None for a signal without rings."""
        if not self.rings:
            return None
        truth, found = metrics.tensors(self.truth, prediction)
        clipped = metrics.clip_to_truth(truth, found)
        rings = [ring if self.where is None else ring & self.where for ring in self.rings]
        return [metrics.psnr(truth[r], clipped[r]) if r.any() else None for r in rings]

    @functools.cached_property
    def psnr_of_constant(self) -> float:
        """PSNR of the mean of what is scored."""
        return metrics.psnr_of_constant(metrics.at(self.where, self.truth))


@dataclass(frozen=True, eq=False)
class Task:
    """What one model is trained on, and how it is scored.

    lattice: the training lattice. target: what the operator should give, [*observed, C].
    truth: what the answer on the training lattice should be, [*shape, C], for the curve; never trained on.
    scorings: at least one. where: the samples [*shape] that the curve is about; None for all.
    inverse: makes of the target, by a classical method, values [*shape, C]; None where there is no such method.
    """

    lattice: Lattice
    target: np.ndarray
    truth: np.ndarray
    operator: Operator
    scorings: tuple[Scoring, ...]
    where: np.ndarray | None = None
    inverse: Callable[[], np.ndarray] | None = None

    @property
    def channels(self) -> int:
        return self.truth.shape[-1]

    @property
    def pointwise(self) -> bool:
        """Whether every sample's own value is observed. Only then are there mini-batches, and models that see the
        target."""
        return type(self.operator) is Identity

    def scoring_of(self, name: str) -> Scoring:
        """The scoring that becomes the row of a task. Raises UsageError where there is none."""
        for scoring in self.scorings:
            if scoring.task == name:
                return scoring
        raise UsageError(f"its signal no longer has the task '{name}'")

    def psnr(self, answer: metrics.Values) -> float:
        """Of an answer [*shape, C] on the training lattice: a point of the curve."""
        return metrics.clipped_psnr(self.truth, answer, self.where)


def generator(seed: int, item: str, *purpose: str) -> "np.random.Generator":  # NumPy imports it when it is asked for
    """What a task draws with: the same for one seed, item and purpose, and independent for any other."""
    words = (item, *purpose) if item or purpose else (WHOLE,)
    return np.random.default_rng([seed, *(zlib.crc32(word.encode()) for word in words)])


def needs_of(task: Task) -> Needs:
    """What a task asks of a model; its family says the same beforehand."""
    off_lattice = not all(map(task.lattice.has_samples_of, (scoring.lattice for scoring in task.scorings)))
    return Needs(task.pointwise, off_lattice, task.inverse is not None)


def misfit(task: Task) -> str | None:
    """What of a task is not as `Task` and `Scoring` say, and what it must be; None where all is."""
    if not isinstance(task.operator, Operator):
        return f"an operator {type(task.operator).__name__}; derive it from target_signals.tasks.operators.Operator"
    target = np.asarray(task.target)
    if target.dtype.kind not in "biuf":
        return f"a target of type {type(task.target).__name__}; it must be an array [*observed, C] of numbers"
    if target.size == 0:
        return f"a target {list(target.shape)}, without values to train on"
    if not np.isfinite(target).all():
        return "a target with values that are NaN or infinite"
    shown, axes = np.shape(task.operator.display(target)), task.lattice.dim
    if len(shown) != axes + 1:
        must = f"{axes} axes and one of channels, so let its operator display them so"
        return f"a target {list(target.shape)} that is shown as {list(shown)}; it must have {must}"
    parts: tuple[Task | Scoring, ...] = (task, *task.scorings)
    for part in parts:
        of, shape, truth = f"of its {type(part).__name__}", part.lattice.shape, np.shape(part.truth)
        if truth != (*shape, *np.shape(task.truth)[-1:]):
            must = f"[{', '.join(map(str, shape))}, C], as its lattice, with one C for all"
            return f"a truth {list(truth)} {of}; it must be {must}"
        if np.asarray(part.truth).dtype.kind != "f" or not np.isfinite(part.truth).all():
            return f"a truth {of} that is not all finite floats"
        where = np.ones(shape, bool) if part.where is None else np.asarray(part.where)
        if where.shape != shape or where.dtype != bool or not where.any():
            given = f"a where {of}, {where.dtype} {list(where.shape)}, that holds for {np.count_nonzero(where)} samples"
            return f"{given}; it must be bool {list(shape)} and hold for some"
    return None
