"""Where the time of an update goes: the kernels of one model's updates, by the time they take.

    python benchmarks/kernels.py --models Siren BACON --sizes 1e4 1e5 --dims 2
    python benchmarks/kernels.py --models GSplat --sizes 1e6 --backend triton --updates 1000
    python benchmarks/kernels.py --models Siren BACON Wire --sizes 1e5 --bound 4161 726

The update is the suite's own, at the paper's size, recorded as a CUDA graph where the model can be. `--updates` come
first, as what is to be done may change while a model learns. `--bound` measures nothing: it reckons what kernels of one
layer each must move and multiply at least, and how long that takes at the given rates.
"""

import argparse
from collections.abc import Sequence
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from cells import add_cells, chosen_cells, here, name_of, suites_own
from common.exits import EXIT_OK, guarded
from common.parser import Parser
from common.precision import PRECISIONS
from harness.execution.option_types import whole_number
from harness.execution.shared_options import add_device
from harness.plan.config import load_config
from harness.plan.trial import Trial
from harness.train import machine
from harness.train.data import signal_of, task_of
from harness.train.run_trial import build, solve
from models.coordinate_network import CoordinateNetwork
from target_signals.tasks.task import Task
from timed_loops import SuiteLoop

PROFILED = 5  # passes


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="kernels.py", description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add_cells(parser, models=["Siren"], sizes=[10_000, 100_000], dims=[2])
    add("--backend", help="(default: the best that is there)")
    add("--precision", choices=PRECISIONS, help="(default: each model's)")
    add("--updates", type=whole_number, default=3, help="that come first (default: 3)")
    add(
        "--bound",
        nargs=2,
        type=float,
        metavar=("GB/S", "TFLOP/S"),
        help="reckon at a copy's rate and bf16's; any device",
    )
    add("--most", type=whole_number, default=12, help="kernels named for each update (default: 12)")
    add_device(parser)
    return guarded(lambda: run(parser.parse_args(arguments)), "run it again")


def run(options: argparse.Namespace) -> int:
    device = machine.choose_device(options.device)
    print(here(device))
    for trial in (suites_own(cell, options) for cell in chosen_cells(load_config(), options)):
        task = task_of(trial, signal_of(trial))
        size, _ = solve(trial, task)
        if size is None:
            continue
        if options.bound is None:
            tell(trial, task, size, device, options)
        else:
            tell_bound(trial, task, size, *options.bound)
    return EXIT_OK


def tell(trial: Trial, task: Task, size: int, device: torch.device, options: argparse.Namespace) -> None:
    """Print the kernels of a pass of a trial's updates: calls, milliseconds and share of all kernels' time."""
    loop = SuiteLoop(trial, task, size, device)
    for _ in range(options.updates):
        loop.one_pass()
    cuda = device.type == "cuda"
    with profile(activities=[ProfilerActivity.CUDA if cuda else ProfilerActivity.CPU]) as profiler:
        for _ in range(PROFILED):
            loop.one_pass()
        if cuda:
            torch.cuda.synchronize(device)

    def milliseconds(kernel: Any) -> float:
        return float(kernel.self_device_time_total if cuda else kernel.self_cpu_time_total) / 1000 / PROFILED

    kernels = sorted(profiler.key_averages(), key=milliseconds, reverse=True)
    total = sum(map(milliseconds, kernels))
    print(f"\n{name_of(trial)} ({loop.model.backend} {trial.precision}): {total:.3f} ms of kernels a pass\n")
    print("| kernel | calls a pass | ms a pass | share |\n|:--|--:|--:|--:|")
    for kernel in kernels[: options.most]:
        own = milliseconds(kernel)
        print(f"| {kernel.key[:90]} | {kernel.count / PROFILED:g} | {own:.3f} | {own / total:.0%} |")


def tell_bound(trial: Trial, task: Task, size: int, copy: float, peak: float) -> None:
    """Print what a pass of a network's kernels, one for each layer, takes at least. copy: GB/s. peak: TFLOP/s."""
    from layer_bounds import bounds  # needs Triton

    model, parts = build(trial, task, size), 2 if trial.precision == "bf16x3" else 1
    if not isinstance(model, CoordinateNetwork):
        print(f"\n{name_of(trial)}: no network of layers")
        return
    chain = model.chain()
    widths = ", ".join(str(len(layer.weight)) for layer in chain)
    print(f"\n{name_of(trial)}, {trial.precision}, layers of {widths} units, {len(task.lattice):,} points\n")
    print(bounds(chain, trial.dim, parts, len(task.lattice), copy, peak))


if __name__ == "__main__":
    raise SystemExit(main())
