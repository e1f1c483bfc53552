"""What a narrow network's values and gradients take: all layers in one kernel, and a kernel a layer, side by side.

    python benchmarks/one_kernel.py

Forward alone, then forward and backward, each as a CUDA graph over the paper's lattice; the optimiser and the signal
stand outside.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from unittest import mock

import torch
from torch import Tensor

import paper_cost
from harness.execution.options import whole_number
from harness.plan.config import load_config
from harness.train import machine
from harness.train.run_trial import build, signal_of, solve, task_of
from models.kernels.network.narrow import network


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--length", type=whole_number, help="samples an axis, for a try (default: the paper's)")
    parser.add_argument("--device", default=machine.default_device())
    options = parser.parse_args(arguments)
    vars(options).update(sizes=[10_000], dims=[2], precision=None, backend="triton")
    device = machine.choose_device(options.device)
    print(f"on {machine.device_name(device)}, torch {torch.__version__}, commit {machine.commit()}")
    (trial,) = paper_cost.cells_to_measure(load_config(), ["Siren"], options)
    task = task_of(trial, signal_of(trial))
    size, _ = solve(trial, task)
    assert size is not None
    model = build(trial, task, size).to(device)
    model.backend = "triton"
    target = torch.as_tensor(task.target, device=device)

    def forward() -> Tensor:
        return model.heads_on_lattice(task.lattice)

    def both() -> list[Tensor]:
        return list(torch.autograd.grad((forward() - target).square().mean(), list(model.parameters())))

    expected: list[Tensor] = []
    for name in ("a kernel a layer", "one kernel"):
        fits = (lambda *_: False) if name == "a kernel a layer" else network.fits
        with mock.patch.object(network, "fits", fits):
            found = both()
            expected = expected or found
            pairs = zip(found, expected, strict=True)
            error = max(float((ours - theirs).norm() / theirs.norm()) for ours, theirs in pairs)
            print(f"{name}: forward {milliseconds(forward, device):.3f} ms, both {milliseconds(both, device):.3f} ms;")
            print(f"    gradients differ by {error:.1e} at most from those by a kernel a layer")


def milliseconds(function: Callable[[], object], device: torch.device) -> float:
    """Of one call, the median of many."""
    if device.type != "cuda":
        started = time.perf_counter()
        function()
        return 1000 * (time.perf_counter() - started)
    from triton.testing import do_bench_cudagraph

    return float(do_bench_cudagraph(function, rep=200, return_mode="median"))


if __name__ == "__main__":
    main()
