"""What a narrow network's values and gradients take: all layers in one kernel, and a kernel a layer, side by side.

    python benchmarks/one_kernel.py --models Siren Finer --dims 2 3 --channels 1 3

Forward alone, then forward and backward, each as a CUDA graph over the paper's lattice, the two ways in turns; the
optimiser and the signal stand outside. A network that `fits` in models/kernels/network/narrow/network.py refuses runs
a kernel a layer alone.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any
from unittest import mock

import torch
from torch import Tensor

import paper_cost
from common.lattice import Lattice
from harness.execution.options import whole_number
from harness.plan.config import load_config
from harness.plan.trial import Trial
from harness.train import machine
from models import get_model
from models.kernels.network.narrow import network

TURNS = 3
KERNELS = network.forward_kernel, network.backward_kernel
HEADINGS = (
    "network", "forward by a kernel a layer, ms", "and backward, ms", "forward in one kernel, ms", "and backward, ms",
    "gradients differ by", "registers",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--models", nargs="+", default=["Siren"], metavar="MODEL")
    add("--sizes", nargs="+", type=whole_number, default=[10_000], metavar="P")
    add("--dims", nargs="+", type=int, choices=[2, 3], default=[2])
    add("--channels", nargs="+", type=whole_number, default=[1], metavar="C")
    add("--length", type=whole_number, help="samples an axis, for a try (default: the paper's)")
    add("--device", default=machine.default_device())
    options = parser.parse_args(arguments)
    vars(options).update(precision=None, backend="triton")
    device = machine.choose_device(options.device)
    print(f"on {machine.device_name(device)}, torch {torch.__version__}, commit {machine.commit()}")
    print(f"| {' | '.join(HEADINGS)} |\n|:--|{(len(HEADINGS) - 1) * '--:|'}")
    for trial in paper_cost.cells_to_measure(load_config(), options.models, options):
        for channels in options.channels:
            print(f"| {' | '.join(measured(trial, channels, device))} |", flush=True)


def measured(trial: Trial, channels: int, device: torch.device) -> list[str]:
    """A row under HEADINGS."""
    assert trial.length is not None
    lattice, cls = Lattice.regular(trial.dim * (trial.length,)), get_model(trial.model)
    size = cls.solve_size(trial.settings, lattice, channels, trial.budget)
    assert size is not None
    model = cls(trial.settings, lattice, channels, size)
    model.initialise(torch.Generator().manual_seed(0))
    model.to(device).backend = "triton"
    target = torch.rand(*lattice.shape, channels, device=device)

    def forward() -> Tensor:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=trial.precision == "bf16"):
            return model.heads_on_lattice(lattice)

    def both() -> list[Tensor]:
        return list(torch.autograd.grad((forward() - target).square().mean(), list(model.parameters())))

    ran = mock.Mock(wraps=network.heads)
    with mock.patch.object(network, "heads", ran):
        found = both()
    ways: dict[str, Any] = {"a kernel a layer": mock.patch.object(network, "fits", return_value=False)}
    if ran.called:
        ways["one kernel"] = nullcontext()
    with ways["a kernel a layer"]:
        expected = both()
    times: dict[tuple[str, Callable[[], object]], list[float]] = {
        (way, function): [] for way in ways for function in (forward, both)
    }
    for _ in range(TURNS):
        for way, function in times:
            with ways[way]:
                times[way, function].append(milliseconds(function, device))
    named = f"{trial.model} {trial.dim}D {trial.budget:,}, {channels} channel{'s' if channels > 1 else ''}"
    row = [named, *(f"{sorted(own)[len(own) // 2]:.3f}" for own in times.values())]
    if not ran.called:
        return [*row, *4 * ["none"]]
    error = max(float((ours - theirs).norm() / theirs.norm()) for ours, theirs in zip(found, expected, strict=True))
    return [*row, f"{error:.1e}", ", ".join(registers(kernel, device) for kernel in KERNELS)]


def registers(kernel: Any, device: torch.device) -> str:
    """Of a thread of the kernel that was compiled last, and how many of its values are spilled."""
    if device.type != "cuda":
        return "-"
    last = list(kernel.device_caches[torch.cuda.current_device()][0].values())[-1]
    return f"{last.n_regs} ({last.n_spills} spilled)"


def milliseconds(function: Callable[[], object], device: torch.device) -> float:
    """Of one call, the median of many."""
    if device.type != "cuda":
        started = time.perf_counter()
        function()
        return 1000 * (time.perf_counter() - started)
    from triton.testing import do_bench_cudagraph

    return float(do_bench_cudagraph(function, rep=10, return_mode="median"))


if __name__ == "__main__":
    main()
