"""Gaussian splats by every back end on the same scenes: milliseconds an update, and what no back end could go below.

    python benchmarks/splats.py --sizes 1e4 1e5 1e6 3e6 --signals SparseSphereSignal DIV2K --updates 3 300

One back end trains, and after so many `--updates` its values are handed to all, which make a few updates from there;
they take turns, and each number is the median of its turns. The balls are mostly black, so Gaussians turn transparent;
a photograph stays opaque. The bound is the longer of two times: of the arithmetic of every pair of a Gaussian and a
sample that it adds to, at the rate of a float32 matrix product, and of reading and writing values, gradients, moments
and the image once, at the rate of a copy.
"""

import argparse
import copy
import dataclasses
import statistics
from collections.abc import Iterator, Sequence
from typing import Any
from unittest import mock

import torch
from torch import Tensor

import models
from cells import here
from common.exits import EXIT_OK, guarded
from common.parser import Parser
from harness.execution.option_types import whole_number
from harness.execution.shared_options import add_device
from harness.plan.config import load_config
from harness.plan.make_plan import make_plan
from harness.plan.source import choose_source
from harness.plan.trial import Trial
from harness.train import machine
from harness.train.data import signal_of, task_of
from harness.train.run_trial import solve
from models import backends
from models.kernels.splats import rasterise
from models.kernels.splats.tiling import Tiles
from peaks import measure_peaks
from timed_loops import SuiteLoop, seconds_each

MODEL = "GSplat"
# Operations of a pair, the exponential and the division as one each: 14 forward, 30 backward, where alpha and odds are
# computed again; and for each channel 2 forward, 4 backward.
OPERATIONS, OPERATIONS_A_CHANNEL = 44, 6
ADAM = 8 * 4  # bytes a value: it, its gradient and both moments are read, and all four are written


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="splats.py", description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--signals", nargs="+", default=["SparseSphereSignal", "DIV2K"], metavar="SIGNAL")
    add("--sizes", nargs="+", type=whole_number, default=[10_000, 100_000, 1_000_000, 3_000_000], metavar="P")
    add("--length", type=whole_number, help="samples an axis of synthetic signals (default: the paper's)")
    add("--updates", nargs="+", type=whole_number, default=[3, 300], help="after which scenes are timed")
    add("--passes", type=whole_number, default=10, help="updates a turn (default: 10)")
    add("--turns", type=whole_number, default=3)
    add("--backends", nargs="+", help="the first one trains (default: all that are there)")
    add_device(parser)
    return guarded(lambda: run(parser.parse_args(arguments)), "run it again")


def run(options: argparse.Namespace) -> int:
    device = machine.choose_device(options.device)
    peaks = measure_peaks(device)
    print(f"{here(device)}: {peaks['fp32']:.0f} TFLOP/s, {peaks['copy']:.0f} GB/s", flush=True)
    for trial in trials(options):
        for updates, times, model in measure(trial, device, options):
            cells = " | ".join(f"{name} {ms:.3f}" for name, ms in times.items())
            pairs, listed = count_pairs(model)
            bound = milliseconds(model, pairs, peaks)
            print(
                f"{trial.signal} {trial.budget:,} after {updates}: {cells} ms; {pairs / 1e6:.1f} M pairs with samples, "
                f"{listed / 1e6:.2f} M with tiles; bound {bound:.3f} ms, "
                f"{bound / min(times.values()):.1%} reached",
                flush=True,
            )
    return EXIT_OK


def trials(options: argparse.Namespace) -> list[Trial]:
    """The first item, seed and bandlimit 0.5 of each signal, at each budget."""
    config, found = load_config(), []
    for signal in options.signals:
        preset = config.preset("paper", signal, 2)
        preset = dataclasses.replace(preset, sizes=tuple(options.sizes), seeds=preset.seeds[:1], bandlimits=(0.5,))
        if options.length:
            preset = dataclasses.replace(preset, length=preset.length | {"2": options.length})
        items = [item for item in choose_source(signal, 2).items[:1] if item is not None]
        found += make_plan(config, choose_source(signal, 2, items), ["fit"], preset, [MODEL])
    return found


def measure(
    trial: Trial, device: torch.device, options: argparse.Namespace
) -> Iterator[tuple[int, dict[str, float], Any]]:
    """For each number of updates: it, milliseconds an update of each back end, and the model as it stands."""
    task = task_of(trial, signal_of(trial))
    size, _ = solve(trial, task)
    assert size is not None
    names = options.backends or backends.available(models.get_model(MODEL), device)
    loops = {name: SuiteLoop(dataclasses.replace(trial, backend=name), task, size, device) for name in names}
    trained, done = loops[names[0]], 0
    for updates in options.updates:
        for _ in range(done, updates):
            trained.one_pass()
        done = updates
        values = {name: value.clone() for name, value in trained.model.state_dict().items()}
        times: dict[str, list[float]] = {name: [] for name in loops}
        for _ in range(options.turns):
            for name, loop in loops.items():
                loop.model.load_state_dict(values)
                loop.one_pass()
                times[name].append(1000 * seconds_each(loop.one_pass, options.passes, device))
        trained.model.load_state_dict(values)
        yield updates, {name: statistics.median(found) for name, found in times.items()}, trained.model


@torch.no_grad()
def count_pairs(model: Any) -> tuple[int, int]:
    """Pairs of a Gaussian and a sample that it adds to, and of a Gaussian and one of the twin's tiles that its box
    reaches."""
    blended, listed, blend, list_tiles = [], [], rasterise._blend, Tiles.bin

    def counting_blend(*given: Tensor) -> tuple[Tensor, ...]:
        alpha, odds, after = blend(*given)
        blended.append(((alpha > 0) & (after > 0)).sum())
        return alpha, odds, after

    def counting_bin(*given: Any) -> tuple[Tensor, Tensor]:
        gaussians, limits = list_tiles(*given)
        listed.append(len(gaussians))
        return gaussians, limits

    twin = copy.copy(model)
    twin.backend = "torch"
    with mock.patch.object(rasterise, "_blend", counting_blend), mock.patch.object(Tiles, "bin", counting_bin):
        twin.on_lattice(twin.lattice)
    return int(sum(blended)), sum(listed)


def milliseconds(model: Any, pairs: int, peaks: dict[str, float]) -> float:
    """The bound on an update's time."""
    flop = pairs * (OPERATIONS + OPERATIONS_A_CHANNEL * model.channels)
    samples = len(model.lattice) * model.channels
    traffic = ADAM * model.count_values() + 3 * 4 * samples  # the prediction written and read, the target read
    return 1000 * max(flop / (1e12 * peaks["fp32"]), traffic / (1e9 * peaks["copy"]))


if __name__ == "__main__":
    raise SystemExit(main())
