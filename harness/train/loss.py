"""The loss and its gradient: over a whole lattice, slab by slab, or over batches of its points."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from common.errors import UsageError
from common.lattice import Lattice
from harness.plan.trial import ADAM, CONSTANT
from harness.train.chunks import cut, make_slabs, points_at_once, split
from harness.train.precision import evaluating, running, trains_in_float32
from models.base import Representation
from target_signals.tasks.task import Task


@dataclass(frozen=True)
class Schedule:
    """How long and in what portions to train (docs/protocol.md, "Training").

    steps: passes over the lattice. evaluate_every: passes. minibatch: points a batch, None for full
    updates. activation_gib: what one backward pass may keep. precision: of common/precision.py. lr_schedule, optimiser:
    of harness/plan/trial.py. bits, quantised_passes: for each number of bits a value, so many of the last passes
    are made once more with quantised values.
    """

    lr: float | None  # of the first pass; None: the model is solved and never trained
    adam_betas: tuple[float, float]
    steps: int
    evaluate_every: int
    minibatch: int | None
    activation_gib: float
    precision: str
    lr_schedule: str = CONSTANT
    optimiser: str = ADAM
    bits: tuple[int, ...] = ()
    quantised_passes: int = 0

    def evaluates(self, step: int) -> bool:
        """Whether a pass is evaluated: the first, every `evaluate_every` and the last."""
        return step in (1, self.steps) or step % self.evaluate_every == 0


class LatticeGradient:
    """The loss, mean over heads of MSE(operator(head), target) + penalty, and its gradient."""

    def __init__(self, model: Representation, task: Task, schedule: Schedule):
        self.model = model
        self.operator = task.operator
        self.pointwise = task.pointwise
        self.target = torch.tensor(task.target, device=model.device)  # [*observed, C], a copy on every device
        self.precision = schedule.precision
        self.lattice = task.lattice
        with running(self.precision, model):
            self.points_at_once = points_at_once(model, task.lattice, schedule.activation_gib, self.precision)
        self.slabs = cut(task.lattice, self.points_at_once)
        self.evaluated_slabs = self.slabs
        if not trains_in_float32(model, self.precision):  # other values, other memory
            with evaluating(model):
                self.evaluated_slabs = make_slabs(model, task.lattice, schedule.activation_gib)

    def compute(self) -> Tensor:
        """Add the gradient of the loss over the whole lattice to `.grad`, slab by slab; the loss, a scalar."""
        if self.pointwise or len(self.slabs) == 1:
            total = self.target.new_zeros(())
            for part, slab in self.slabs:
                target = self.target[part] if self.pointwise else self.target
                observed = self._observed(self._heads(slab), target)
                total += descend(observed, target, target.numel() / self.target.numel())
            return self._penalise(total)
        # an operator couples all points: ∂loss/∂prediction first, then backward slab by slab
        with torch.no_grad():
            heads = torch.cat([self._heads(slab) for _, slab in self.slabs], dim=1)
        heads.requires_grad_()
        loss = mse(self._observed(heads, self.target), self.target)
        (cotangent,) = torch.autograd.grad(loss, heads)
        for part, slab in self.slabs:
            self._heads(slab).backward(cotangent[:, part])
        return self._penalise(loss.detach())

    def compute_at(self, index: Tensor) -> Tensor:
        """Add the gradient of the loss at some points, flat indices [B], part by part; the loss, a scalar."""
        total = self.target.new_zeros(())
        values = self.target.flatten(0, -2)
        for part in split(index, self.points_at_once):
            with running(self.precision, self.model):
                heads = self._differentiable(self.model.heads_at(self.lattice, part).float())
            total += descend(heads, values[part], len(part) / len(index))
        return self._penalise(total)

    def evaluate(self) -> tuple[float, float, Tensor]:
        """The loss, the squared error of the answer's observation, and the answer [*shape, C]; all in float32."""
        with evaluating(self.model):
            heads = torch.cat([self.model.heads_on_lattice(slab) for _, slab in self.evaluated_slabs], dim=1)
            loss = mse(self.operator(heads), self.target) + self._penalty()
            error = mse(self.operator(heads[-1:]), self.target)
        return float(loss), float(error), heads[-1]

    def residual(self) -> Tensor:
        """The target minus the model's answer [*shape, C], where the values themselves are observed; in float32."""
        with evaluating(self.model):
            return self.target - torch.cat([self.model.on_lattice(slab) for _, slab in self.evaluated_slabs])

    def _heads(self, slab: Lattice) -> Tensor:
        with running(self.precision, self.model):
            return self._differentiable(self.model.heads_on_lattice(slab).float())

    def _observed(self, heads: Tensor, target: Tensor) -> Tensor:
        """What the operator makes of heads; UsageError where a gradient ends there, or the target has other axes."""
        values, what = self.operator(heads), type(self.operator).__name__
        if not isinstance(values, Tensor) or values.shape[1:] != target.shape:
            given = f"a tensor {list(values.shape)}" if isinstance(values, Tensor) else type(values).__name__
            must = f"[heads, *observed, C], here {[len(heads), *target.shape]} as the target's shape says"
            raise UsageError(f"the operator {what} gave {given} for values {list(heads.shape)}; it must give {must}")
        if not values.requires_grad:
            raise UsageError(f"no gradient passes the operator {what}; compute with PyTorch throughout, without detach")
        return values

    def _differentiable(self, heads: Tensor) -> Tensor:
        """The heads as they are; UsageError where a gradient is wanted and leads to no parameter."""
        if torch.is_grad_enabled() and not heads.requires_grad:
            reason = "what it gives was detached, or is made of none of its parameters"
            raise UsageError(f"no gradient reaches {self.model.name}: {reason}; compute with PyTorch throughout")
        return heads

    def _penalty(self) -> Tensor | float:
        """The model's penalty; UsageError where that is no number."""
        penalty = self.model.penalty()
        if isinstance(penalty, float | int) or (isinstance(penalty, Tensor) and penalty.numel() == 1):
            return penalty
        given = f"a tensor {list(penalty.shape)}" if isinstance(penalty, Tensor) else type(penalty).__name__
        raise UsageError(f"{self.model.name}.penalty gave {given}; it must give one number")

    def _penalise(self, loss: Tensor) -> Tensor:
        """Add the penalty's gradient; the loss with the penalty in it."""
        penalty = self._penalty()
        if isinstance(penalty, Tensor):
            penalty.backward()
            penalty = penalty.detach()
        return loss + penalty


class Batches:
    """Random permutations of the lattice's points, cut into batches, on the device."""

    def __init__(self, task: Task, points: int, device: torch.device, rng: torch.Generator):
        if not task.pointwise:
            raise ValueError("mini-batches exist for the identity operator only")
        self.count = len(task.lattice)
        self.points = points
        self.device = device
        self.rng = rng

    def examples(self) -> list[Tensor]:
        """A batch of every length there is, which draws nothing, to run everything once before the clock starts."""
        lengths = {min(self.points, self.count), self.count % self.points} - {0}
        return [torch.arange(length, device=self.device) for length in sorted(lengths, reverse=True)]

    def epoch(self) -> Sequence[Tensor]:
        """Every point once, as flat indices: [B] each, in rising order, as neighbours read the same memory."""
        order = torch.randperm(self.count, generator=self.rng, device=self.device)
        return [batch.sort().values for batch in order.split(self.points)]


def descend(values: Tensor, target: Tensor, share: float) -> Tensor:
    """Add the gradient of a part of the loss; the part, which is `share` of the mean over all points."""
    loss = mse(values, target) * share
    loss.backward()
    return loss.detach()


def mse(values: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of every head [H, …] against one target […]."""
    return F.mse_loss(values, target.expand_as(values))
