"""Back ends of one model side by side: milliseconds a training step, and the hash encoding alone.

    python benchmarks/backends.py --models Instant_NGP GSplat --sizes 1e4 1e5 --dims 2 3
    python benchmarks/backends.py --encoding --dims 2 3

A step is what the loop does: values on the whole lattice (1000² or 100³), mean squared error, backward,
fused Adam. The variants take turns, and each number is the median of its turns. A back end that is not
installed is left out; one that fails says so and the others go on.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import models
from harness import system
from harness.cli import whole_number
from harness.config import load_config
from harness.plan import model_settings
from models import backends
from models.kernels import hash_encoding
from models.kernels.hash_encoding import LatticeEncoding, make_levels
from target_signals.lattice import Lattice

Step = Callable[[], Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--models", nargs="+", default=["Instant_NGP", "GSplat"])
    add("--sizes", nargs="+", type=whole_number, default=[10_000, 100_000, 1_000_000, 3_000_000])
    add("--dims", nargs="+", type=int, default=[2, 3])
    add("--channels", type=int, default=1)
    add("--length", type=int, nargs=2, default=[1000, 100], help="samples an axis in 2D and in 3D")
    add("--encoding", action="store_true", help="the hash encoding alone, forward and backward, T = 2^7 … 2^16")
    add("--compile", action="store_true", help="add the twin under torch.compile")
    add("--device", default=system.default_device())
    add("--turns", type=int, default=5)
    add("--seconds", type=float, default=0.2, help="a turn")
    add("--out", type=Path, help="a file to add the table to")
    options = parser.parse_args()
    device = system.choose_device(options.device)
    tell(f"on {system.device_name(device)}, torch {torch.__version__}", options.out)
    if options.encoding:
        for dim in options.dims:
            for log2_table in range(7, 17):
                lattice = Lattice.regular((options.length[dim - 2],) * dim)
                variants = encodings(lattice, log2_table, device, options.compile)
                report(f"encoding {dim}D T=2^{log2_table}", variants, device, options)
        return
    for name in options.models:
        for dim in options.dims:
            for size in options.sizes:
                lattice = Lattice.regular((options.length[dim - 2],) * dim)
                report(f"{name} {dim}D {size:,}", steps(name, size, lattice, device, options), device, options)


def steps(name: str, size: int, lattice: Lattice, device: torch.device, options: Any) -> dict[str, Step]:
    """One training step a back end."""
    cls = models.get_model(name)
    if cls.unsupported(lattice.dim, options.channels, "fit") is not None:
        return {}
    settings = model_settings(load_config(), name, "synthetic", size)
    dial = cls.solve_size(settings, lattice, options.channels, size)
    if dial is None:
        return {}
    target = torch.rand(*lattice.shape, options.channels, device=device)

    def make(backend: str, compiled: bool) -> Step:
        model = cls(settings, lattice, options.channels, dial)
        model.initialise(torch.Generator().manual_seed(0))
        model.to(device).backend = backend
        optimiser = torch.optim.Adam(model.parameters(), lr=settings.lr, fused=True)
        forward = torch.compile(model.on_lattice) if compiled else model.on_lattice

        def step() -> None:
            optimiser.zero_grad()
            torch.nn.functional.mse_loss(forward(lattice), target).backward()
            optimiser.step()

        return step

    found = {backend: make(backend, False) for backend in backends.available(cls, device)}
    return found | ({"torch, compiled": make("torch", True)} if options.compile else {})


def encodings(lattice: Lattice, log2_table: int, device: torch.device, compiled: bool) -> dict[str, Step]:
    """The encoding forward and backward, 16 levels of 2 features, by every means there is."""
    levels = make_levels(lattice.dim, 16, 16, 1.5, 1 << log2_table)
    table = torch.rand(levels[-1].offset + levels[-1].size, 2, device=device, requires_grad=True)
    x = (lattice.points(device) + 1) / 2
    cotangent = torch.rand(len(x), 32, device=device)

    def step_of(function: Callable[[torch.Tensor], torch.Tensor]) -> Step:
        return lambda: torch.autograd.grad(function(table), table, cotangent)

    found: dict[str, Step] = {}
    if backends.missing("triton", device) is None:
        from models.kernels import hash_encoding_triton
        from models.kernels.hash_lattice import make_plan

        plan = make_plan(lattice, levels, device)
        found["triton, lattice"] = step_of(lambda t: hash_encoding_triton.encode(plan.points, t, levels, plan))
        found["triton, points"] = step_of(lambda t: hash_encoding_triton.encode(x, t, levels))
    if backends.missing("tcnn", device) is None:
        from models.kernels import hash_encoding_tcnn

        shape = (lattice.dim, 16, log2_table, 16, 1.5)
        found["tcnn"] = step_of(lambda t: hash_encoding_tcnn.encode(x, t, *shape))
    sparse = LatticeEncoding(x, levels)
    found["torch"] = step_of(sparse)
    if compiled:
        twin = torch.compile(hash_encoding.encode)
        found["torch, compiled"] = step_of(lambda t: twin(x, t, levels))
    return found


def report(title: str, variants: dict[str, Step], device: torch.device, options: Any) -> None:
    """Time the variants in turns and print one line."""
    times: dict[str, list[float]] = {}
    for name, step in list(variants.items()):
        try:
            for _ in range(3):
                step()
            times[name] = []
        except Exception as error:  # whatever a compiler or a driver raises
            tell(f"{title}: {name} failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}", options.out)
    for _ in range(options.turns):
        for name in times:
            times[name].append(measure(variants[name], device, options.seconds))
    cells = [f"{name} {1000 * statistics.median(values):.3f}" for name, values in times.items()]
    tell(f"{title}: {' | '.join(cells)} ms", options.out)


def measure(step: Step, device: torch.device, seconds: float) -> float:
    """Seconds a call, over as many calls as fit."""
    synchronise(device)
    started, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - started < seconds:
        for _ in range(5):
            step()
        calls += 5
        synchronise(device)
    return (time.perf_counter() - started) / calls


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def tell(line: str, out: Path | None) -> None:
    print(line, flush=True)
    if out is not None:
        with out.open("a") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    main()
