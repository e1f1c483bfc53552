"""From the words of `python -m harness tune` to its trials: what it starts, and every worker of it makes again."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.errors import UsageError, suggest
from common.parser import Parser
from harness.execution.option_types import given_path, positive, whole_number
from harness.execution.shared_options import add_launch, add_minutes
from harness.plan.trial import Trial
from harness.plan.tuned import KINDS
from target_signals.development import SEED

if TYPE_CHECKING:
    import torch

    from harness.plan.config import Config
    from harness.plan.search import Cell

VERB = "tune"
DEFAULT_OUT = "tuning"  # apart from the experiments' rows, as a table would hold the last trial of a cell for its own
TRIALS = 16
MOST_SEEDS = 2**32
MOST_TRIALS = 4096  # of a search: each is planned before the first one runs


@dataclass(frozen=True)
class Search:
    """What a command line asks for. cells: the first seed's, then the next one's. left_out: what cannot be tuned."""

    config: "Config"
    device: "torch.device"
    preset: str
    cells: "list[Cell]"
    left_out: tuple[str, ...]

    @property
    def trials(self) -> list[Trial]:
        """Every trial once: searches of several seeds have trial 0 in common. The cells of a budget come together, so
        that models keep abreast whenever it is stopped."""
        every = {trial.key: trial for cell in self.cells for trial in cell.trials}
        return list(every.values())

    @property
    def possible(self) -> list[Trial]:
        """The trials, and those of every candidate that may be fitted again."""
        indices = [(cell, i) for cell in self.cells for i in range(len(cell.candidates))]
        return [*self.trials, *(fit for cell, i in indices for fit in cell.again(i))]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--kinds", nargs="+", metavar="KIND", help=f"of data, some of {', '.join(KINDS)} (default: all)")
    add("--preset", help="extent of a trial, and the budgets (default: paper with a CUDA device, otherwise quick)")
    add_launch(parser)
    add("--trials", type=positive, default=TRIALS, metavar="N", help="settings of each model (default: %(default)s)")
    add(
        "--search-seeds",
        nargs="+",
        type=whole_number,
        default=[0],
        metavar="S",
        help="searches; --write takes the first",
    )
    add_minutes(parser)
    add("--write", action="store_true", help="write what was found to tuned.json, for the preset that reads it")
    add("--dry-run", action="store_true", help="print the searches and their estimated cost, and stop")
    add(
        "--out",
        type=given_path,
        default=DEFAULT_OUT,
        help="folder of the trials' rows, apart from the experiments' (default: %(default)s)",
    )
    add("--set", nargs="+", action="extend", default=[], metavar="PATH=VALUE", help="change settings of trial 0")
    parser.set_defaults(seeds=[SEED], signal_seeds=[SEED], bandlimits=None, save_model=False, bits=[])


def parse(words: Sequence[str]) -> argparse.Namespace:
    parser = Parser(prog=f"python -m harness {VERB}")
    add_arguments(parser)
    return parser.parse_args(words)


def make_search(options: argparse.Namespace) -> Search:
    """UsageError for whatever cannot be."""
    import models  # torch takes seconds to import: a mistyped option does not wait for it
    from harness.execution.launch import (
        check_backend,
        check_budgets,
        check_length,
        choose_device,
        choose_models,
        choose_precision,
        choose_preset,
        preset_for,
    )
    from harness.plan.config import load_config
    from harness.plan.make_plan import check_models, make_plan
    from harness.plan.search import DEVELOPMENT, cells, space
    from harness.plan.source import choose_source
    from target_signals.tasks.base import family_of

    if options.trials > MOST_TRIALS:
        raise UsageError(f"--trials: at most {MOST_TRIALS:,} settings of each model, got {options.trials:,}")
    if (most := max(options.search_seeds)) >= MOST_SEEDS:
        raise UsageError(f"--search-seeds: from 0 to 2**32 - 1 each, got {most}")
    if options.write:
        check_written(options)
    kinds = list(dict.fromkeys(options.kinds or KINDS))
    for kind in kinds:
        if kind not in KINDS:
            raise UsageError(f"--kinds: unknown kind '{kind}'{suggest(kind, KINDS)}; known: {', '.join(KINDS)}")
    config = load_config(options.config, options.set)
    chosen = [name for name in choose_models(config, options.models) if space(name)]
    check_models(config)
    if not chosen:
        raise UsageError('--models: none of these has a setting that may be tuned (docs/tuning.md, "Spaces")')
    device = choose_device(options)
    check_backend(options.backend, chosen, device)
    name = choose_preset(options.preset, device)
    found, left_out = [], []
    for kind in kinds:
        signal, task = DEVELOPMENT[kind]
        source = choose_source(signal, None)
        preset = preset_for(config, name, source, options)
        check_length(source, preset)
        if preset.tuned_at is not None:
            raise UsageError(f"preset '{name}' has tuned settings; tune at --preset {preset.tuned_at}")
        if (missing := source.family.missing()) is not None:  # type: ignore[attr-defined]
            raise UsageError(missing)
        reasons = {model: models.get_model(model).unsupported(source.dim, 1, family_of(task).needs) for model in chosen}
        left_out += [f"{kind}: {reason}" for reason in reasons.values() if reason is not None]
        fitting = [model for model, reason in reasons.items() if reason is None]
        precision = choose_precision(options.precision, device)
        plan = make_plan(config, source, [task], preset, fitting, precision, options.backend)
        if options.executor == "local":
            check_budgets(plan, device)
        for seed in dict.fromkeys(options.search_seeds):
            found += cells(config, plan, kind, options.trials, seed)
    return Search(config, device, name, found, tuple(left_out))


def check_written(options: argparse.Namespace) -> None:
    """UsageError for a search whose settings tuned.json has no place for: its readers have the preset's own extent."""
    changes = {"--steps": options.steps, "--length": options.length, "--set": options.set}
    if given := [word for word, value in changes.items() if value not in (None, [])]:
        raise UsageError(
            f"--write: presets read settings that were found at their own extent, which {' and '.join(given)} may "
            "change; leave out --write, or put the change into a settings file of your own and name it with --config"
        )
