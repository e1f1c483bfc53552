"""Back ends of one model side by side: milliseconds an update, and the hash encoding alone.

    python benchmarks/backends.py --models Instant_NGP GSplat --sizes 1e4 1e5 --dims 2 3
    python benchmarks/backends.py --encoding --dims 2 3

An update is the suite's own, on a whole lattice (1000² or 100³), recorded as a CUDA graph where the back
end can be. The variants take turns, and each number is the median of its turns. A back end that is not
installed is left out; one that fails says so and the others go on.
"""

import argparse
import dataclasses
import functools
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

import models
from cells import add_cells, chosen_cells, here
from common.errors import cause_of
from common.exits import EXIT_OK, guarded
from common.lattice import Lattice
from common.parser import Parser
from common.precision import PRECISIONS
from harness.execution.shared_options import add_device
from harness.plan.config import load_config
from harness.plan.trial import Trial
from harness.train import machine
from harness.train.data import signal_of, task_of
from harness.train.run_trial import build, solve
from models import backends
from models.kernels.hash_grid import encoding
from models.kernels.hash_grid.encoding import LatticeEncoding, make_levels
from timed_loops import SuiteLoop, seconds_each

Step = Callable[[], Any]
LOG2_TABLES = range(7, 17)
LENGTHS = {2: 1000, 3: 100}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="backends.py", description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add_cells(parser, models=["Instant_NGP", "GSplat"], sizes=[10_000, 100_000, 1_000_000, 3_000_000])
    add("--encoding", action="store_true", help="the hash encoding alone, forward and backward, T = 2^7 … 2^16")
    add("--compile", action="store_true", help="add the twin under torch.compile")
    add_device(parser)
    add("--precision", choices=PRECISIONS, default="fp32")
    add("--turns", type=int, default=5)
    add("--seconds", type=float, default=0.2, help="a turn")
    add("--out", type=Path, help="a file to add the lines to")
    return guarded(lambda: run(parser.parse_args(arguments)), "run it again")


def run(options: argparse.Namespace) -> int:
    device = machine.choose_device(options.device)
    tell(here(device), options.out)
    if options.encoding:
        for dim in options.dims:
            for log2_table in LOG2_TABLES:
                lattice = Lattice.regular((options.length or LENGTHS[dim],) * dim)
                variants = encodings(lattice, log2_table, device, options.compile)
                report(f"encoding {dim}D T=2^{log2_table}", variants, device, options)
        return EXIT_OK
    for cell in chosen_cells(load_config(), options):
        trial = dataclasses.replace(cell, precision=options.precision, minibatch=None)
        variants = updates(trial, device, options.compile)
        report(f"{trial.model} {trial.dim}D {trial.budget:,}", variants, device, options)
    return EXIT_OK


def updates(trial: Trial, device: torch.device, compiled: bool) -> dict[str, Callable[[], Step]]:
    """What makes the update of each back end; nothing for a model that has no such trial."""
    task = task_of(trial, signal_of(trial))
    size, _ = solve(trial, task)
    if size is None:
        return {}

    def make(backend: str) -> Step:
        return SuiteLoop(dataclasses.replace(trial, backend=backend), task, size, device).one_pass

    def make_compiled() -> Step:
        model = build(trial, task, size).to(device)
        target = torch.as_tensor(task.target, device=device)
        optimiser = torch.optim.Adam(model.parameters(), lr=trial.lr or 0.0, fused=True)
        forward = torch.compile(model.on_lattice)

        def step() -> None:
            optimiser.zero_grad()
            torch.nn.functional.mse_loss(forward(task.lattice), target).backward()
            optimiser.step()

        return step

    found = {name: functools.partial(make, name) for name in backends.available(models.get_model(trial.model), device)}
    return found | ({"torch, compiled": make_compiled} if compiled else {})


def encodings(lattice: Lattice, log2_table: int, device: torch.device, compiled: bool) -> dict[str, Callable[[], Step]]:
    """What makes the encoding forward and backward, 16 levels of 2 features, by every means there is."""
    levels = make_levels(lattice.dim, 16, 16, 1.5, 1 << log2_table)
    table = torch.rand(levels[-1].offset + levels[-1].size, 2, device=device, requires_grad=True)
    x = (lattice.points(device) + 1) / 2
    cotangent = torch.rand(len(x), 32, device=device)
    planar = cotangent.T.contiguous().T  # as our decoder hands it over

    def step_of(encode: Callable[[torch.Tensor], torch.Tensor], cotangent: torch.Tensor = cotangent) -> Step:
        return lambda: torch.autograd.grad(encode(table), table, cotangent)

    def ours(planned: bool) -> Step:
        from models.kernels.hash_grid import encoding_triton
        from models.kernels.hash_grid.lattice_plan import make_plan

        plan = make_plan(lattice, levels, device) if planned else None
        points = x if plan is None else plan.points
        return recorded(step_of(lambda t: encoding_triton.encode(points, t, levels, plan), planar), device)

    def tcnn() -> Step:
        from models.kernels.hash_grid import encoding_tcnn

        shape = (lattice.dim, len(levels), log2_table, 16, 1.5)
        return step_of(lambda t: encoding_tcnn.encode(x, t, *shape))

    def twin_compiled() -> Step:
        encode = torch.compile(encoding.encode)
        return step_of(lambda t: encode(x, t, levels))

    found: dict[str, Callable[[], Step]] = {}
    if backends.missing("triton", device) is None:
        found |= {"triton": lambda: ours(True), "triton at points": lambda: ours(False)}
    if backends.missing("tcnn", device) is None:
        found["tcnn"] = tcnn
    found["torch"] = lambda: step_of(LatticeEncoding(x, levels))
    return found | ({"torch, compiled": twin_compiled} if compiled else {})


def recorded(step: Step, device: torch.device) -> Step:
    """The step as a CUDA graph, so that its kernels are timed and not their launches."""
    if device.type != "cuda":
        return step
    stream = torch.cuda.Stream(device)
    with torch.cuda.stream(stream):
        step()
    torch.cuda.synchronize(device)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        step()

    def replay() -> Step:
        graph.replay()
        return step  # and keeps alive what its kernels read

    return replay


def report(title: str, makers: dict[str, Callable[[], Step]], device: torch.device, options: Any) -> None:
    """Time the variants in turns and print one line."""
    steps: dict[str, Step] = {}
    for name, make in makers.items():
        try:
            steps[name] = make()
            for _ in range(3):
                steps[name]()
        except Exception as error:  # whatever a compiler or a driver raises
            steps.pop(name, None)
            tell(f"{title}: {name} failed: {cause_of(error)}", options.out)
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(options.turns):
        for name, step in steps.items():
            times[name].append(measure(step, device, options.seconds))
    cells = [f"{name} {1000 * statistics.median(values):.3f}" for name, values in times.items()]
    if cells:
        tell(f"{title}: {' | '.join(cells)} ms", options.out)


def measure(step: Step, device: torch.device, seconds: float) -> float:
    """Seconds a call, over as many calls as fit."""
    count = max(1, round(seconds / max(seconds_each(step, 1, device), 1e-6)))
    return seconds_each(step, count, device)


def tell(line: str, out: Path | None) -> None:
    print(line, flush=True)
    if out is not None:
        with out.open("a") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
