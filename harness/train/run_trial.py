"""One trial: build, fit, score. Divergence and lack of memory become rows; all else raises."""

import gc
import sys
import time
import zlib
from collections.abc import Callable

import torch

import models
from common.errors import UsageError
from harness.plan.trial import MUON, Trial
from harness.store.schema import OUT_OF_MEMORY, UNSUPPORTED, Row
from harness.train import machine
from harness.train.data import signal_of, task_of
from harness.train.fit import Fit, fit
from harness.train.loss import Schedule
from harness.train.optimiser import matrices_of
from harness.train.precision import matmul_precision, no_denormals
from harness.train.score import Result, blank_row, failed, fit_columns, score
from models import backends
from models.base import Representation
from models.defaults import drawing, own_defaults
from target_signals.base import Signal
from target_signals.tasks.base import family_of
from target_signals.tasks.task import Task

SHARES = (1.0, 1 / 4, 1 / 16)  # of the memory for activations, tried in turn while it runs out


def run_trial(
    trial: Trial,
    device: torch.device,
    on_progress: Callable[[int], None] = lambda step: None,
    on_model: Callable[[Representation], None] | None = None,
) -> list[Result]:
    """Run a trial and return a result for each of its scorings; `on_model` gets the fitted model."""
    return run_on(trial, signal_of(trial), device, on_progress, on_model)


@own_defaults()
@no_denormals()
def run_on(
    trial: Trial,
    signal: Signal,
    device: torch.device,
    on_progress: Callable[[int], None] = lambda step: None,
    on_model: Callable[[Representation], None] | None = None,
) -> list[Result]:
    """`run_trial` on a signal in hand."""
    task = task_of(trial, signal)
    assert tuple(s.task for s in task.scorings) == trial.scored, "the plan and the signal differ in what there is"
    row = blank_row(trial, signal, device)
    size, reason = solve(trial, task)
    if size is None:
        return [failed(row, scoring, UNSUPPORTED, reason) for scoring in task.scorings]
    memory = machine.PeakMemory(device)
    reason, note = "", None
    for share in SHARES[:1] if models.get_model(trial.model).lattice_only else SHARES:
        schedule = make_schedule(trial, share)
        if reason:
            note = f"in chunks of {schedule.activation_gib:.3g} GiB, as memory ran out with larger ones"
            print(f"{trial}: {reason}; runs again {note}", file=sys.stderr)
        try:
            with machine.current(device), matmul_precision(trial.precision):
                return fit_and_score(row, trial, task, size, schedule, memory, note, on_progress, on_model)
        except (MemoryError, RuntimeError) as error:  # PyTorch's is a RuntimeError
            if not out_of_memory(error):
                raise
            reason = next(iter(str(error).splitlines()), type(error).__name__)
        gc.collect()  # only now has the error let go of the tensors in the frames that it came through
        if device.type == "cuda":
            torch.cuda.empty_cache()
    row["peak_memory_bytes"] = memory.bytes()
    return [failed(row, scoring, OUT_OF_MEMORY, reason) for scoring in task.scorings]


def fit_and_score(
    row: Row,
    trial: Trial,
    task: Task,
    size: int,
    schedule: Schedule,
    memory: machine.PeakMemory,
    note: str | None,
    on_progress: Callable[[int], None],
    on_model: Callable[[Representation], None] | None,
) -> list[Result]:
    """note: what the reason of every row is to say beyond why its back end ran."""
    start, processor = time.perf_counter(), time.process_time()
    model = build(trial, task, size).to(memory.device)
    if trial.backend is not None and (refusal := model.refuses(trial.backend, trial.precision)) is not None:
        return [failed(row, scoring, UNSUPPORTED, refusal) for scoring in task.scorings]
    if trial.optimiser == MUON and trial.lr is not None and not matrices_of(model):
        reason = f"{trial.model} has no matrices of the kind that PyTorch's Muon updates (docs/tuning.md)"
        return [failed(row, scoring, UNSUPPORTED, reason) for scoring in task.scorings]
    # not for scores: they are of other lattices, finer ones too, and arrays of other sizes leave holes in the heap
    with machine.keeping_memory(memory.device, len(task.lattice)):
        model, fitted = train(model, trial, task, schedule, on_progress)
    times = {"ready_seconds": fitted.ready_at - start, "processor_seconds": time.process_time() - processor}
    row = row | fit_columns(model, task, fitted, memory, note) | times
    if on_model is not None and fitted.diverged_at is None:
        on_model(model)
    results = [score(row, trial, model, scoring, fitted, schedule) for scoring in task.scorings]
    check_lattices(trial, task)
    return results


def check_lattices(trial: Trial, task: Task) -> None:
    """UsageError where the model has changed the coordinates of a lattice, which other trials share."""
    scored = [lattice for scoring in task.scorings for lattice in (scoring.lattice, scoring.paper_lattice)]
    every = dict.fromkeys([task.lattice, *scored])  # a fit is scored on the lattice that it is trained on
    changed = [lattice for lattice in every if lattice is not None and lattice.restore()]
    if changed:
        raise UsageError(f"{trial.model} changes the coordinates of a lattice in place; let it work on a copy")


def train(
    model: Representation, trial: Trial, task: Task, schedule: Schedule, on_progress: Callable[[int], None]
) -> tuple[Representation, Fit]:
    """Fit on the trial's back end, or on the best that works: one that fails gives way to the next,
    aloud, and the fit begins anew."""
    device = model.device
    while True:
        model.backend = trial.backend or backends.choose(model, trial.precision)
        rng = stream(trial, "batches", device)
        try:
            with drawing(rng.initial_seed()):
                return model, fit(model, task, schedule, rng, on_progress)
        except Exception as error:  # whatever a compiler or a driver raises
            if model.backend == "torch" or trial.backend is not None or out_of_memory(error):
                raise
            backends.give_up(model, error)
        model = build(trial, task, model.size).to(device)


def make_schedule(trial: Trial, share: float = 1.0) -> Schedule:
    """share: of the memory for activations that the settings allow."""
    return Schedule(
        lr=trial.lr,
        adam_betas=trial.adam_betas,
        steps=trial.steps,
        evaluate_every=trial.evaluate_every,
        minibatch=trial.minibatch,
        activation_gib=share * trial.activation_gib,
        precision=trial.precision,
        lr_schedule=trial.lr_schedule,
        optimiser=trial.optimiser,
        bits=trial.quantised_bits,
        quantised_passes=trial.quantised_passes,
    )


def solve(trial: Trial, task: Task) -> tuple[int | None, str]:
    """The model's size dial for the trial's budget, or None and the reason."""
    cls = models.get_model(trial.model)
    reason = cls.unsupported(trial.dim, task.channels, family_of(trial.task).needs)
    if reason is not None:
        return None, reason
    size = cls.solve_size(trial.settings, task.lattice, task.channels, trial.budget)
    return size, f"its smallest form has more than {trial.budget} values" if size is None else ""


def build(trial: Trial, task: Task, size: int) -> Representation:
    """The model with its initial values, on the CPU. UsageError where it divides by a setting that is 0."""
    try:
        return _built(trial, task, size)
    except ZeroDivisionError as error:
        if zeros := [name for name, value in vars(trial.settings).items() if value == 0 and value is not False]:
            raise UsageError(
                f"{trial.model} cannot be made with {' and '.join(zeros)} 0; give another value"
            ) from error
        raise


def _built(trial: Trial, task: Task, size: int) -> Representation:
    rng = stream(trial, "initial values", torch.device("cpu"))
    with drawing(rng.initial_seed()):
        model = models.get_model(trial.model).construct(trial.settings, task.lattice, task.channels, size)
        model.drawn_from = rng.initial_seed()
        model.initialise(rng)  # has the last word
        if task.pointwise:
            target = torch.tensor(task.target)  # a copy, which the model may change
            apart = stream(trial, "initial values from the target", torch.device("cpu"))
            model.initialise_from(task.lattice, target, apart)
    return model


def stream(trial: Trial, purpose: str, device: torch.device) -> torch.Generator:
    """A generator that depends on the seed and the purpose alone."""
    return torch.Generator(device).manual_seed(zlib.crc32(purpose.encode()) << 31 ^ trial.seed)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on the device or on the host."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
