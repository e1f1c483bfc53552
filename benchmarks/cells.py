"""The cells that benchmarks measure, a model, a dimension and a budget each, and the options that choose them."""

import argparse
import dataclasses
from collections.abc import Sequence

import torch

from harness.execution.launch import choose_models
from harness.execution.option_types import whole_number
from harness.plan.config import Config
from harness.plan.make_plan import make_plan
from harness.plan.source import choose_source
from harness.plan.trial import Trial
from harness.train import machine

SIGNAL = "SparseSphereSignal"  # exists in 2D and 3D, at exactly the paper's lengths


def here(device: torch.device) -> str:
    """Where numbers come from, the first line of what a benchmark prints."""
    return f"on {machine.device_name(device)}, torch {torch.__version__}, commit {machine.commit()}"


def add_cells(
    parser: argparse.ArgumentParser,
    models: Sequence[str],
    sizes: Sequence[int] | None = None,
    dims: Sequence[int] = (2, 3),
) -> None:
    """Options that choose cells, with what they are by default; sizes: None for the paper's."""
    add, budgets = parser.add_argument, "the paper's" if sizes is None else " ".join(map(str, sizes))
    add("--models", nargs="+", default=list(models), metavar="MODEL", help=f"default: {' '.join(models)}")
    add("--sizes", nargs="+", type=whole_number, default=sizes, metavar="P", help=f"default: {budgets}")
    add("--dims", nargs="+", type=int, choices=[2, 3], default=list(dims))
    add("--length", type=whole_number, help="samples an axis, for a try (default: the paper's)")


def chosen_cells(config: Config, options: argparse.Namespace) -> list[Trial]:
    """One trial for each cell that such options name."""
    names = choose_models(config, options.models)
    return cells_to_measure(config, names, options.dims, options.sizes, options.length)


def suites_own(trial: Trial, options: argparse.Namespace) -> Trial:
    """A cell's trial in the precision and on the back end that the options ask for; without one, as the model has it
    on CUDA."""
    return dataclasses.replace(trial, precision=options.precision or trial.precision, backend=options.backend)


def cells_to_measure(
    config: Config, names: Sequence[str], dims: Sequence[int], sizes: Sequence[int] | None, length: int | None = None
) -> list[Trial]:
    """One trial for each model that is trained, dimension and budget: by budget, then dimension, then model, each in
    the order that was asked for. sizes, length: None for the paper's."""
    trials: list[Trial] = []
    for dim in dims:
        preset = config.preset("paper", SIGNAL, dim)
        preset = dataclasses.replace(preset, bandlimits=(0.5,), seeds=preset.seeds[:1])
        if sizes:
            preset = dataclasses.replace(preset, sizes=tuple(sizes))
        if length:
            preset = dataclasses.replace(preset, length=preset.length | {str(dim): length})
        trials += make_plan(config, choose_source(SIGNAL, dim), ["fit"], preset, names, precision=None)
    order = sizes or sorted({trial.budget for trial in trials})

    def place(trial: Trial) -> tuple[int, int, int]:
        return order.index(trial.budget), dims.index(trial.dim), names.index(trial.model)

    return sorted((trial for trial in trials if trial.lr is not None), key=place)


def name_of(trial: Trial) -> str:
    """`Siren 2D 100000`: the cell that it is measured in."""
    return f"{trial.model} {trial.dim}D {trial.budget}"
