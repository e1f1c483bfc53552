"""One cell of the cost table: what a pass takes for one model, budget and dimension, in the plain loop, in that one
without its permutation, in the careful one, in that one compiled, and in the suite's own, side by side."""

import os
import shutil
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

import models
from common.errors import cause_of
from harness.plan.trial import Trial
from harness.train import machine
from harness.train.data import signal_of, task_of
from harness.train.fit import Clock
from harness.train.loss import Batches, LatticeGradient
from harness.train.precision import matmul_precision
from harness.train.run_trial import build, make_schedule, out_of_memory, solve, stream
from harness.train.stepper import Stepper
from models import backends
from plain_loop import PlainLoop
from target_signals.tasks.task import Task

LOOPS = ("plain", "in order", "careful", "compiled", "suite")
LIBRARIES = ("gsplat", "tcnn")  # back ends by others, which the paper's own loop used
TURNS = 3
COMPILERS = {"cuda": ("CC", "gcc", "clang"), "cpu": ("CXX", "g++", "clang++")}  # a variable that names one, names

Cell = dict[str, Any]


class SuiteLoop:
    """The suite's own path, as `fit` has it."""

    def __init__(self, trial: Trial, task: Task, size: int, device: torch.device):
        self.precision = trial.precision
        self.model = model = build(trial, task, size).to(device)
        model.backend = trial.backend or backends.choose(model, trial.precision)
        schedule = make_schedule(trial)
        with matmul_precision(self.precision):
            gradient = LatticeGradient(model, task, schedule)
            rng = stream(trial, "batches", device)
            batches = None if trial.minibatch is None else Batches(task, trial.minibatch, device, rng)
            self.stepper = Stepper(gradient, batches, schedule)
            self.stepper.prepare()

    def one_pass(self) -> int:
        """Update on every point of the lattice once; the number of updates."""
        with matmul_precision(self.precision):
            return self.stepper.one_pass()


Loop = PlainLoop | SuiteLoop


def measure(trial: Trial, device: torch.device, seconds: float, compiled: bool = False) -> Cell | None:
    """The cell of a trial's model, budget and dimension; None where there is no such model.

    seconds: for each loop, in turns. compiled: whether the careful loop is measured under torch.compile too.
    A back end that fails is a failure here and gives way to no other. What was compiled for earlier cells is
    forgotten: after several shapes PyTorch compiles for all of them, or no more.
    """
    torch.compiler.reset()
    task = task_of(trial, signal_of(trial))
    size, _ = solve(trial, task)
    if size is None or trial.lr is None:
        return None
    lr, library = trial.lr, _library(trial.model, device)

    def plain(careful: bool, **how: Any) -> PlainLoop:
        model = build(trial, task, size).to(device)
        model.backend = library
        return PlainLoop(model, task, lr, trial.minibatch, careful, **how)

    makers: dict[str, Callable[[], Loop]] = {"plain": lambda: plain(False)}
    if trial.minibatch is None and not models.get_model(trial.model).lattice_only:
        makers["in order"] = lambda: plain(False, permuted=False)
    makers["careful"] = lambda: plain(True)
    if compiled:
        makers["compiled"] = lambda: plain(True, compiler=torch.compile)
    makers["suite"] = lambda: SuiteLoop(trial, task, size, device)
    cell: Cell = {"model": trial.model, "dim": trial.dim, "size": trial.budget, "points": len(task.lattice)}
    cell |= {"channels": task.channels, "parameters": build(trial, task, size).count_values()}
    cell |= {"precision": trial.precision, "library": library, "commit": machine.commit()}
    loops: dict[str, Loop] = {}
    for name, make in makers.items():
        cell[name], loop = _warmed_up(make, device)
        if loop is not None:
            loops[name] = loop
    for turn in range(TURNS):
        for name, loop in loops.items():
            count = max(1, round(seconds / TURNS / cell[name]["seconds"][-1]))
            if turn == 0:
                cell[name]["seconds"].clear()
            cell[name]["seconds"].append(seconds_each(loop.one_pass, count, device))
    for name in loops:
        cell[name]["ms"] = 1000 * statistics.median(cell[name].pop("seconds"))
    suite = loops.get("suite")
    if isinstance(suite, SuiteLoop):
        cell["suite"] |= {"backend": suite.model.backend, "recorded": bool(suite.stepper.recordings)}
    return cell


def why_not_compiled(device: torch.device) -> str | None:
    """What torch.compile lacks on a device, or None."""
    if device.type == "cuda" and (lack := backends.missing("inductor", device)) is not None:
        return lack
    variable, *names = COMPILERS[device.type]
    if any(map(shutil.which, [os.environ.get(variable, ""), *names])):
        return None
    return f"there is no {' or '.join(names)} and ${variable} names no compiler"


def _library(name: str, device: torch.device) -> str:
    found = backends.available(models.get_model(name), device)
    return next((backend for backend in found if backend in LIBRARIES), "torch")


def _warmed_up(make: Callable[[], Loop], device: torch.device) -> tuple[dict[str, Any], Loop | None]:
    """What is known of a loop after three passes: its updates a pass, peak memory, seconds until the first pass
    was done, and a first measurement; or how it failed."""
    cuda = device.type == "cuda"
    if cuda:
        torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated(device) if cuda else 0
    memory, started = machine.PeakMemory(device), time.perf_counter()
    try:
        loop = make()
        updates = loop.one_pass()
        seconds_each(loop.one_pass, 1, device)
        ready = time.perf_counter() - started
        seconds = [seconds_each(loop.one_pass, 1, device)]
    except Exception as error:  # whatever a compiler or a driver raises
        how = "out of memory" if out_of_memory(error) else cause_of(error)
        return {"failed": how}, None
    peak = memory.bytes()
    found = {"updates": updates, "ready_seconds": ready, "seconds": seconds}
    return found | {"peak_bytes": None if peak is None else peak - before}, loop


def seconds_each(step: Callable[[], object], count: int, device: torch.device) -> float:
    """Seconds a call, over `count` of them."""
    clock = Clock(device)
    for _ in range(count):
        step()
    return clock.stop() / count
