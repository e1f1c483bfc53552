"""The trials of the panel of precisions (parity.py): its signals, each in the precisions and seeds asked for."""

import argparse
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch

from harness.plan.config import Config
from harness.plan.make_plan import make_plan
from harness.plan.source import choose_source
from harness.plan.trial import Trial
from harness.train import machine
from harness.train.chunks import GIB, memory
from harness.train.data import signal_of, task_of
from harness.train.precision import running
from harness.train.run_trial import build, solve
from models import backends, get_model
from parity_table import AGAIN, EXACT, LEAST_SEEDS, MORE_SEEDS, Line, again, pairs_of, seeds_wanted

OWN = "own"  # a model's default on CUDA
SLABS = 8  # of a lattice in `again`; others have as few as memory allows
FIELDS = ("signal", "dim", "length", "bandlimit", "item", "task", "model", "size", "seed", "precision", "config_hash")


class Case(NamedTuple):
    """One signal of the panel."""

    signal: str
    dim: int
    bandlimit: float | None = None
    item: str | None = None
    task: str = "fit"


PANEL = (
    *(Case("BandlimitedSignal", 2, band) for band in (0.1, 0.5, 0.9)),
    *(Case("SparseSphereSignal", dim, 0.5) for dim in (2, 3)),
    *(Case("Sierpinski", 2, band) for band in (0.3, 0.5)),
    Case("StarTarget", 2),
    Case("DIV2K", 2, item="0064"),
    Case("Dragon", 3, item="occupancy"),
    Case("ChestCT", 2, item="slice", task="ct"),
)


def cases_of(options: argparse.Namespace) -> list[Case]:
    return [case for case in PANEL if options.signals is None or case.signal in options.signals]


def trials(
    config: Config, names: Sequence[str], lines: Sequence[Line], options: argparse.Namespace
) -> Iterator[tuple[Case, str, Trial]]:
    """Every seed in turn; in it the cases, and of each the models, precisions and budgets. Seeds beyond the first, and
    `again`, are for cells that spread or are lower, by what `lines` hold when their turn comes."""
    seeds = options.seeds or config.preset("paper", "StarTarget", 2).seeds[:MORE_SEEDS]
    for seed in seeds:
        for case in cases_of(options):
            for name in names:
                for precision in options.precisions:
                    further = precision == AGAIN or seed in seeds[LEAST_SEEDS:]
                    for trial in of_case(config, case, name, seed, precision, options):
                        if not further or wants_more(lines, case, trial, options.precisions):
                            yield case, precision, trial


def wants_more(lines: Sequence[Line], case: Case, trial: Trial, precisions: Sequence[str]) -> bool:
    """Whether the cell of a trial spreads or is lower in any precision."""
    mine = [line for line in lines if line["model"] == trial.model]
    own = get_model(trial.model).precision
    others = {own if precision in (OWN, AGAIN) else precision for precision in precisions}
    cell = str_of(case), trial.budget
    return any(seeds_wanted(pairs_of(mine, other)[cell]) > LEAST_SEEDS for other in others - {EXACT})


def of_case(
    config: Config, case: Case, name: str, seed: int, precision: str, options: argparse.Namespace
) -> list[Trial]:
    source = choose_source(case.signal, case.dim, None if case.item is None else [case.item])
    preset = config.preset("paper", case.signal, case.dim)
    length = preset.length if options.length is None else preset.length | {source.length_key: options.length}
    preset = dataclasses.replace(
        preset,
        sizes=tuple(options.sizes),
        seeds=(seed,),
        bandlimits=preset.bandlimits if case.bandlimit is None else (case.bandlimit,),
        steps=options.steps or preset.steps,
        length=length,
    )
    asked = None if precision in (OWN, AGAIN) else precision
    backend = exact_backend(name, options.device) if precision == EXACT else None
    return make_plan(config, source, [case.task], preset, [name], asked, backend)


def in_slabs(trial: Trial, device: torch.device) -> Trial:
    """The same trial with its lattice in SLABS slabs: sums are taken in another order, and nothing else changes."""
    task = task_of(trial, signal_of(trial))
    size, _ = solve(trial, task)
    assert size is not None, "it has been trained before"
    model = build(trial, task, size).to(device)
    model.backend = trial.backend or backends.choose(model, trial.precision)
    with running(trial.precision, model):
        fixed, each = memory(model, task.lattice)
    return dataclasses.replace(trial, activation_gib=(fixed + each * len(task.lattice) / SLABS) / GIB)


def exact_backend(name: str, device: str | None) -> str:
    """What float32 is trained on: PyTorch alone, as kernels of our own make its products of parts."""
    at_hand = backends.available(get_model(name), machine.choose_device(device))
    return "inductor" if "inductor" in at_hand else "torch"


def str_of(case: Case) -> str:
    """`BandlimitedSignal 2D 0.5`, `DIV2K 0064`."""
    words = [case.signal, f"{case.dim}D" if case.item is None else case.item]
    return " ".join(words + ([] if case.bandlimit is None else [f"{case.bandlimit:g}"]))


def fields_of(trial: Trial, precision: str) -> Line:
    fields = {name: getattr(trial, "budget" if name == "size" else name) for name in FIELDS}
    return fields | ({"precision": again(trial.precision)} if precision == AGAIN else {})


def key_of(line: Line) -> tuple[Any, ...]:
    """What tells a trial from others."""
    return tuple(line[name] for name in FIELDS)
