"""BACON's values and gradients at 1e4 parameters, by a kernel a layer and by each cut into kernels of several layers.

    python benchmarks/cuts.py --dims 2 3

A row for each, as one_kernel.py measures it, and by how much values and gradients differ from plain float32, relative
to their norm. Each has a process of its own, so that one that fails takes no other with it; processes compile side by
side and measure one after the other. `CUTS` in models/kernels/network/narrow/filters/network.py has what is used.
"""

import argparse
import fcntl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from unittest import mock

import torch
from torch import Tensor

import one_kernel
from harness.execution.option_types import whole_number
from harness.train import machine
from models.kernels.network.narrow.filters import network
from models.kernels.network.narrow.filters.network import Cut, Tiles

LARGE, SMALL = Tiles(128, 8, 1), Tiles(64, 4, 2)  # backward; one program fills a multiprocessor, or two do
CANDIDATES = {  # by dimension; the forward kernel's tiles vary along with the groups, as their time is another column
    2: {
        "one group, 128 points": Cut(((0, 5),), Tiles(64, 4, 4), LARGE),
        "two groups, 128 points": Cut(((3, 5), (0, 3)), Tiles(128, 8, 1), LARGE),
        "one group, 64 points": Cut(((0, 5),), Tiles(128, 4, 2), SMALL),
        "two groups, 64 points": Cut(((3, 5), (0, 3)), Tiles(64, 4, 3), SMALL),
    },
    3: {
        "two groups, 128 points": Cut(((5, 9), (0, 5)), Tiles(64, 4, 3), LARGE),
        "three groups, 128 points": Cut(((6, 9), (3, 6), (0, 3)), Tiles(128, 8, 1), LARGE),
        "three groups, 64 points": Cut(((6, 9), (3, 6), (0, 3)), Tiles(128, 4, 2), SMALL),
        "four groups, 64 points": Cut(((7, 9), (5, 7), (3, 5), (0, 3)), Tiles(64, 4, 2), SMALL),
    },
}
BY_LAYER = "a kernel a layer"
HEADINGS = "BACON", "forward, ms", "both ways, ms", "values differ by", "gradients differ by", "registers"
SECONDS = 50  # that all processes together may take


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--dims", nargs="+", type=int, choices=[2, 3], default=[2, 3])
    add("--channels", nargs=1, type=int, choices=[1, 3], default=[1])
    add("--length", type=whole_number, help="samples an axis, for a try (default: the paper's)")
    add("--device", default=machine.default_device())
    add(
        "--only", nargs=2, metavar=("ROW", "LOCK"), help="measure this one, in this process, and nothing else meanwhile"
    )
    options = parser.parse_args(arguments)
    device = machine.choose_device(options.device)
    if options.only is not None:
        name, lock = options.only
        print(" | ".join(measured(options, name, lock, device)))
        return
    print(f"on {machine.device_name(device)}, torch {torch.__version__}, commit {machine.commit()}")
    print(f"| {' | '.join(HEADINGS)} |\n|:--|{(len(HEADINGS) - 1) * '--:|'}", flush=True)
    with tempfile.NamedTemporaryFile() as held:
        rows = [(dim, name) for dim in options.dims for name in (BY_LAYER, *CANDIDATES[dim])]
        running = [started(dim, name, held.name, arguments) for dim, name in rows]
        end = time.monotonic() + SECONDS
        for (dim, name), process in zip(rows, running, strict=True):
            print(f"| {dim}D, {name} | {outcome(process, end)} |", flush=True)


def started(dim: int, name: str, lock: str, arguments: Sequence[str] | None) -> subprocess.Popen[str]:
    own = sys.argv[1:] if arguments is None else arguments
    command = [sys.executable, __file__, *own, "--dims", str(dim), "--only", name, lock]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def outcome(process: subprocess.Popen[str], end: float) -> str:
    """The rest of its row, or why there is none."""
    try:
        found, wrong = process.communicate(timeout=max(1, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return f"not ready after {SECONDS} s"
    lines = (found if process.returncode == 0 else wrong).strip().splitlines() or [f"exit code {process.returncode}"]
    return lines[-1]


def measured(options: argparse.Namespace, name: str, lock: str, device: torch.device) -> list[str]:
    """A row but for its name."""
    (trial,) = one_kernel.trials("BACON", options)
    model = one_kernel.draw(trial, options.channels[0], device)
    forward, both = one_kernel.functions(model, model.precision)
    cut, heads = CANDIDATES[trial.dim].get(name), network.heads
    with (
        mock.patch.object(network, "fits", one_kernel.accepts if cut else one_kernel.refuses),
        mock.patch.object(network, "heads", lambda layers, points: heads(layers, points, cut)),
        open(lock) as held,
    ):
        values, gradients = forward().detach(), both()  # compiles
        fcntl.flock(held, fcntl.LOCK_EX)
        times = [[one_kernel.milliseconds(x, device) for x in (forward, both)] for _ in range(one_kernel.TURNS)]
        model.backend = "torch"
        plain, plain_gradients = one_kernel.functions(model, "fp32")
        errors = relative([values], [plain().detach()]), relative(gradients, plain_gradients())
    used = ""
    if cut is not None:
        used = f"forward {one_kernel.registers(network.forward_kernel, device)}, backward "
        used += one_kernel.registers(network.backward_kernel, device, len(cut.groups))
    medians = (f"{statistics.median(own):.3f}" for own in zip(*times, strict=True))
    return [*medians, *(f"{error:.1e}" for error in errors), used]


def relative(found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """The largest difference, each as a share of its own norm."""
    return max(float((a - b).norm() / b.norm()) for a, b in zip(found, expected, strict=True))


if __name__ == "__main__":
    main()
