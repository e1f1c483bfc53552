"""What a narrow network's values and gradients take: all layers in one kernel, and a kernel a layer, side by side.

    python benchmarks/one_kernel.py --models Siren Finer Gauss Sinc HOSC BACON Wire --dims 2 3 --channels 1 3

A row for each model, dimension and number of channels, in this order, at 1e4 parameters. Forward alone, then forward
and backward, each as a CUDA graph over the paper's lattice, the two ways in turns; the optimiser and the signal stand
outside. Products are those of bf16x3, whatever a model's own precision, and BACON's those of bf16. Also where `fits` of
elementwise/network.py, filters/network.py or gabor/network.py in models/kernels/network/narrow has a kernel a layer, as
it does until one kernel was measured to be faster. Registers are those of the kernel that was compiled last.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

import torch
from torch import Tensor

import paper_cost
from common.lattice import Lattice
from harness.execution.option_types import whole_number
from harness.plan.config import load_config
from harness.plan.trial import Trial
from harness.train import machine
from models import get_model
from models.base import Representation
from models.kernels.network.narrow.elementwise import network as elementwise
from models.kernels.network.narrow.filters import network as filters
from models.kernels.network.narrow.gabor import network as gabor

TURNS = 3
HEADINGS = "network", "a kernel a layer, ms", "both ways, ms", "one kernel, ms", "both ways, ms", "gradients differ by"
MODELS = {  # where each fits
    **dict.fromkeys(("Siren", "Finer", "Gauss", "Sinc", "HOSC"), elementwise),
    "BACON": filters,
    "Wire": gabor,
}


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    device = machine.choose_device(options.device)
    print(f"on {machine.device_name(device)}, torch {torch.__version__}, commit {machine.commit()}")
    print(f"| {' | '.join(HEADINGS)} | registers |\n|:--|{len(HEADINGS) * '--:|'}")
    for name in options.models:
        for trial in trials(name, options):
            for channels in options.channels:
                print(f"| {' | '.join(measured(trial, channels, device))} |", flush=True)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--models", nargs="+", choices=MODELS, default=["Siren"], metavar="MODEL", help=f"of {', '.join(MODELS)}")
    add("--dims", nargs="+", type=int, choices=[2, 3], default=[2])
    add("--channels", nargs="+", type=int, choices=[1, 3], default=[1])
    add("--length", type=whole_number, help="samples an axis, for a try (default: the paper's)")
    add("--device", default=machine.default_device())
    return parser.parse_args(arguments)


def trials(model: str, options: argparse.Namespace) -> list[Trial]:
    """One for each dimension that the options name, at 1e4 parameters."""
    vars(options).update(sizes=[10_000], precision=None, backend="triton")
    return paper_cost.cells_to_measure(load_config(), [model], options)


def measured(trial: Trial, channels: int, device: torch.device) -> list[str]:
    """A row of the table."""
    model = draw(trial, channels, device)
    forward, both = functions(model, model.precision)
    home = MODELS[trial.model]
    # no Mock, which would keep what it was called with: a graph of gradients that outlives its call cannot be recorded
    ways = [mock.patch.object(home, "fits", answer) for answer in (refuses, accepts)]
    times: dict[tuple[int, Callable[[], object]], list[float]] = {}
    gradients = []
    for way in ways:
        with way:
            gradients.append(both())
    for _ in range(TURNS):
        for i, way in enumerate(ways):
            for function in (forward, both):
                with way:
                    times.setdefault((i, function), []).append(milliseconds(function, device))
    theirs, ours = gradients
    error = max(float((a - b).norm() / b.norm()) for a, b in zip(ours, theirs, strict=True))
    kernels = {"forward": home.forward_kernel, "backward": home.backward_kernel}
    used = ", ".join(f"{name} {registers(kernel, device)}" for name, kernel in kernels.items())
    named = f"{trial.model} {trial.dim}D {trial.budget:,}, channels: {channels}"
    return [named, *(f"{statistics.median(own):.3f}" for own in times.values()), f"{error:.1e}", used]


def draw(trial: Trial, channels: int, device: torch.device) -> Representation:
    """The trial's model, on its lattice, with the first initial values that there are."""
    assert trial.length is not None
    lattice, cls = Lattice.regular(trial.dim * (trial.length,)), get_model(trial.model)
    size = cls.solve_size(trial.settings, lattice, channels, trial.budget)
    assert size is not None
    model = cls(trial.settings, lattice, channels, size)
    model.initialise(torch.Generator().manual_seed(0))
    model.to(device).backend = "triton"
    return model


def functions(model: Representation, precision: str) -> tuple[Callable[[], Tensor], Callable[[], list[Tensor]]]:
    """Its heads on its lattice, and the gradients of all its parameters for a target of noise."""
    rng = torch.Generator().manual_seed(0)
    target = torch.rand(*model.lattice.shape, model.channels, generator=rng).to(model.device)

    def forward() -> Tensor:
        with torch.autocast(model.device.type, torch.bfloat16, enabled=precision == "bf16"):
            return model.heads_on_lattice(model.lattice)

    def both() -> list[Tensor]:
        return list(torch.autograd.grad((forward() - target).square().mean(), list(model.parameters())))

    return forward, both


def refuses(*_: object) -> bool:
    return False


def accepts(*_: object) -> bool:
    return True


def registers(kernel: Any, device: torch.device, forms: int = 1) -> str:
    """Of a thread of the forms of the kernel that were compiled last, and how many words are spilled; none in the
    interpreter."""
    if device.type != "cuda":
        return "none"
    last = list(kernel.device_caches[torch.cuda.current_device()][0].values())[-forms:]
    return " and ".join(f"{form.n_regs} ({form.n_spills} spilled)" for form in last)


def milliseconds(function: Callable[[], object], device: torch.device) -> float:
    """Of one call, the median of many."""
    if device.type != "cuda":
        started = time.perf_counter()
        function()
        return 1000 * (time.perf_counter() - started)
    from triton.testing import do_bench_cudagraph

    return float(do_bench_cudagraph(function, rep=20, return_mode="median"))


if __name__ == "__main__":
    main()
