"""What a narrow network's values and gradients take: all layers in one kernel, and a kernel a layer, side by side.

    python benchmarks/one_kernel.py --models Siren Finer Gauss Sinc HOSC BACON Wire --dims 2 3 --channels 1 3
    python benchmarks/one_kernel.py --models BACON --dims 2 3 --cuts

A row for each model, dimension and number of channels, in this order, at 1e4 parameters; with --cuts for each way to
cut BACON into kernels of several layers, of which CUTS in narrow/filters/network.py has what is used. Forward alone,
then forward and backward, each as a CUDA graph over the paper's lattice, the two ways in turns; the optimiser and the
signal stand outside. Products are those of bf16x3, whatever a model's own precision, and BACON's those of bf16. Also
where `fits` of elementwise/network.py, filters/network.py or gabor/network.py in models/kernels/network/narrow has a
kernel a layer, as it does until one kernel was measured to be faster.

Gradients differ from one another, and those of each way from plain float32, relative to their norm. Registers of a
thread, and words that it spills, are those of the kernels that a row is the first to compile.
"""

import argparse
import contextlib
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from cells import cells_to_measure, here
from common.lattice import Lattice
from harness.execution.option_types import whole_number
from harness.execution.shared_options import add_device
from harness.plan.config import load_config
from harness.plan.trial import Trial
from harness.train import machine
from models import get_model
from models.base import Representation
from models.kernels.network.narrow.elementwise import network as elementwise
from models.kernels.network.narrow.filters import network as filters
from models.kernels.network.narrow.filters.network import Cut
from models.kernels.network.narrow.gabor import network as gabor
from models.kernels.network.narrow.tiles import Tiles

TURNS = 3
HEADINGS = (
    *("network", "a kernel a layer, ms", "both ways, ms", "one kernel, ms", "both ways, ms"),
    *("gradients differ by", "a kernel a layer from float32", "one kernel from float32", "registers"),
)
MODELS = {  # where each fits
    **dict.fromkeys(("Siren", "Finer", "Gauss", "Sinc", "HOSC"), elementwise),
    "BACON": filters,
    "Wire": gabor,
}
LARGE, SMALL = Tiles(128, 8, 1), Tiles(64, 4, 2)  # backward; one program fills a multiprocessor, or two do
CUTS = {  # of BACON by dimension; forward tiles vary along with groups, as their time is another column
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


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    device = machine.choose_device(options.device)
    print(here(device))
    print(f"| {' | '.join(HEADINGS)} |\n|:--|{(len(HEADINGS) - 1) * '--:|'}")
    for name in options.models:
        for trial in trials(name, options):
            for channels in options.channels:
                for cut, patch in ways_to_cut(trial, options.cuts):
                    with patch:
                        named, *row = measured(trial, channels, device)
                    print(f"| {' | '.join([named + cut, *row])} |", flush=True)


def ways_to_cut(trial: Trial, asked: bool) -> list[tuple[str, AbstractContextManager[object]]]:
    """The words of each way that is asked for, with what makes BACON run so; else that of the model alone."""
    if not asked or trial.model != "BACON":
        return [("", contextlib.nullcontext())]
    return [
        (f", {words}", mock.patch.dict(filters.CUTS, {cut.groups[0][1]: cut})) for words, cut in CUTS[trial.dim].items()
    ]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--models", nargs="+", choices=MODELS, default=["Siren"], metavar="MODEL", help=f"of {', '.join(MODELS)}")
    add("--dims", nargs="+", type=int, choices=[2, 3], default=[2])
    add("--channels", nargs="+", type=int, choices=[1, 3], default=[1])
    add("--cuts", action="store_true", help="measure every way to cut BACON into kernels")
    add("--length", type=whole_number, help="samples an axis, for a try (default: the paper's)")
    add_device(parser)
    return parser.parse_args(arguments)


def trials(model: str, options: argparse.Namespace) -> list[Trial]:
    """One for each dimension that the options name, at 1e4 parameters."""
    return cells_to_measure(load_config(), [model], options.dims, [10_000], options.length)


def measured(trial: Trial, channels: int, device: torch.device) -> list[str]:
    """A row of the table."""
    model = draw(trial, channels, device)
    forward, both = functions(model, model.precision)
    home = MODELS[trial.model]
    kernels = {"forward": home.forward_kernel, "backward": home.backward_kernel}
    before = {name: len(compiled(kernel, device)) for name, kernel in kernels.items()}
    # no Mock, which would keep what it was called with: a graph of gradients that outlives its call cannot be recorded
    ways = [mock.patch.object(home, "fits", lambda *_, answer=answer: answer) for answer in (False, True)]
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
    model.backend = "torch"
    _, plain = functions(model, "fp32")
    theirs, ours, exact = *gradients, plain()
    errors = relative(ours, theirs), relative(theirs, exact), relative(ours, exact)
    used = ", ".join(" ".join([name, *compiled(kernel, device)[before[name] :]]) for name, kernel in kernels.items())
    named = f"{trial.model} {trial.dim}D {trial.budget:,}, channels: {channels}"
    medians = (f"{statistics.median(own):.3f}" for own in times.values())
    return [named, *medians, *(f"{error:.1e}" for error in errors), used]


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


def relative(found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """The largest difference, each as a share of its own norm."""
    return max(float((a - b).norm() / b.norm()) for a, b in zip(found, expected, strict=True))


def compiled(kernel: Any, device: torch.device) -> list[str]:
    """The registers of every form of a kernel that was compiled so far; none in the interpreter."""
    if device.type != "cuda":
        return []
    forms = kernel.device_caches[torch.cuda.current_device()][0].values()
    return [f"{form.n_regs} ({form.n_spills} spilled)" for form in forms]


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
