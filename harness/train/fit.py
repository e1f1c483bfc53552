"""The only training loop (docs/protocol.md, "Training")."""

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from common.errors import UsageError
from common.lattice import Lattice
from harness.train.loss import Batches, LatticeGradient, Schedule
from harness.train.quantised import Requantised, Rounding
from harness.train.stepper import Standing, Stepper
from models.base import Representation
from target_signals.tasks.metrics import clipped_psnr
from target_signals.tasks.task import Task

CORNER = 16  # samples an axis


@dataclass
class Fit:
    """What training leaves: the model itself holds the last values, `best_state` the best.

    The best is the evaluation that scores best on what the model is trained on, never on the truth. Where values
    themselves are observed that is the PSNR of the answer clipped to the range of what is observed: what rows score in
    a fit and, in super-resolution, on the coarse lattice; in denoising, against the noisy values, so the best may come
    after the evaluation that is nearest to the truth. Where an operator stands between, as in CT and inpainting, it is
    the squared error of the observation, which need not have the values' range.
    diverged_at: the pass after which the loss was not finite, or None. A model that was
    solved has no updates and a curve of one point, step 0. requantised: by bits a value, the last passes once more.
    """

    curve: list[dict[str, float]] = field(default_factory=list)
    best_state: dict[str, Tensor] = field(default_factory=dict)
    best_step: int | None = None
    best_score: float = float("-inf")  # PSNR, or minus the squared error
    updates: int = 0
    seconds: float = 0.0
    ready_at: float = math.nan  # on time.perf_counter's clock: the end of the first update, or of the solution
    diverged_at: int | None = None
    requantised: dict[int, Requantised] = field(default_factory=dict)

    def record(self, step: int, gradient: LatticeGradient, task: Task) -> None:
        """Evaluate the model, and note where it stands after `seconds` of training."""
        loss, error, answer = gradient.evaluate()
        psnr = task.psnr(answer)
        self.curve.append({"step": step, "loss": loss, "psnr": psnr, "seconds": self.seconds})
        score = -error
        if task.pointwise:
            score = psnr if task.target is task.truth else clipped_psnr(task.target, answer)
        if not np.isfinite(loss):
            self.diverged_at = step
        elif score > self.best_score:
            self.best_score, self.best_step = score, step
            self.best_state = {name: value.detach().clone() for name, value in gradient.model.state_dict().items()}


def fit(
    model: Representation,
    task: Task,
    schedule: Schedule,
    rng: torch.Generator,
    on_progress: Callable[[int], None] = lambda step: None,
) -> Fit:
    """Train `model`, where it is, on the task, unless it can be solved. `rng` draws the batches, on its device.

    Only training is timed: the clock stands still, synchronised, during evaluations, and every update is run once,
    compiled and recorded before it starts. A model is solved once; libraries load their kernels in a smaller solution
    before, where a model can only be solved.
    """
    gradient, result = LatticeGradient(model, task, schedule), Fit()
    if schedule.lr is None and task.pointwise:
        solve_smaller(model, task.lattice)
    clock = Clock(model.device)
    observed = gradient.target if task.pointwise else None
    if model.inverts and task.inverse is not None:
        observed = torch.as_tensor(task.inverse(), device=model.device)
    if observed is not None and model.solve(task.lattice, observed.clone()):  # its own, to change as it likes
        result.seconds, result.ready_at = clock.stop(), time.perf_counter()
        result.record(0, gradient, task)
        return result
    if schedule.lr is None:
        rest = "let `solve` return True, give its Config an lr, or let its `unsupported` name this task"
        raise UsageError(f"{model.name} was not solved and has no learning rate; {rest}")
    batches = None if schedule.minibatch is None else Batches(task, schedule.minibatch, model.device, rng)
    stepper = Stepper(gradient, batches, schedule)
    stepper.prepare()
    clock = Clock(model.device)
    start, drawn = None, rng.get_state()
    for step in range(1, schedule.steps + 1):
        if step == schedule.steps - schedule.quantised_passes + 1:
            start, drawn = stepper.standing(), rng.get_state()
        result.updates += advance(stepper, schedule, rng)
        burst = model.device.type == "cpu" and not stepper.sound  # on CUDA, asking would wait for the device
        if not (schedule.evaluates(step) or burst):
            continue
        result.seconds += clock.stop()
        if step == 1:  # without waiting for the device once more: a pass's updates take equally long
            result.ready_at = time.perf_counter() - result.seconds * (1 - 1 / result.updates)
        result.record(step, gradient, task)
        if not stepper.sound:
            result.diverged_at = int(stepper.finite) * step // result.updates  # whole passes
        on_progress(step)
        if result.diverged_at is not None:
            break
        clock.start()
    if start is not None and result.diverged_at is None:
        stepper.recordings.clear()  # their memory is free for others
        rng.set_state(drawn)
        result.requantised = requantise(gradient, batches, schedule, start, rng)
    return result


def advance(stepper: Stepper, schedule: Schedule, rng: torch.Generator) -> int:
    """The next pass, before which a model may move values; the number of updates. UsageError where it puts other
    tensors in the place of its own, which the optimiser would not update, nor a recording read."""
    gradient, model = stepper.gradient, stepper.gradient.model
    if stepper.passes and gradient.pointwise and "rearrange" in model.target_hooks():
        before = places(model)
        model.rearrange(stepper.passes, schedule.steps, gradient.residual, rng)
        if replaced := [name for name, place in places(model).items() if before.get(name) != place]:
            raise UsageError(f"{model.name}.rearrange replaces {', '.join(replaced)}; write into it, as with copy_")
    return stepper.one_pass()


def places(model: Representation) -> dict[str, tuple[int, int]]:
    """Which tensor each of a model's values and buffers is, and where in memory it lies."""
    named = (*model.named_parameters(), *model.named_buffers())
    return {name: (id(value), value.data_ptr()) for name, value in named}


def requantise(
    gradient: LatticeGradient, batches: Batches | None, schedule: Schedule, start: Standing, rng: torch.Generator
) -> dict[int, Requantised]:
    """The last passes once more for every number of bits, from where they started, with quantised values; a model is
    afterwards what it was before. `rng` draws the same batches each time."""
    rounding, drawn, found = Rounding(gradient.model), rng.get_state(), {}
    stepper = Stepper(gradient, batches, schedule, rounding)
    stepper.prepare()
    end = stepper.standing()

    def error() -> float:
        with rounding.rounded():
            return gradient.evaluate()[1]

    for bits in schedule.bits:
        rounding.set_bits(bits)
        plain = error()
        stepper.resume(start)
        rng.set_state(drawn)
        while stepper.passes < schedule.steps:
            advance(stepper, schedule, rng)
        found[bits] = Requantised(stepper.standing().values, error(), plain)
        stepper.resume(end)
    return found


def solve_smaller(model: Representation, lattice: Lattice) -> None:
    """Solve the smallest model of the same kind on a corner of the lattice: what libraries do at their first use takes
    up to a hundred times as long as a solution."""
    corner = Lattice(tuple(axis[:CORNER] for axis in lattice.axes))
    with contextlib.suppress(Exception):  # settings and methods that suit the whole lattice may not suit a corner
        smallest = type(model)(model.config, corner, model.channels, model.smallest).to(model.device)
        smallest.solve(corner, torch.zeros(*corner.shape, model.channels, device=model.device))


class Clock:
    """Seconds of device work between `start` and `stop`; starts at once.

    While the device works, the host's core is free for others: `torch.cuda.synchronize` would keep it busy.
    """

    def __init__(self, device: torch.device):
        self.device, self.event = device, torch.cuda.Event(blocking=True) if device.type == "cuda" else None
        self.start()

    def _now(self) -> float:
        if self.event is not None:
            self.event.record(torch.cuda.current_stream(self.device))
            self.event.synchronize()
        return time.perf_counter()

    def start(self) -> None:
        self.started = self._now()

    def stop(self) -> float:
        return self._now() - self.started
