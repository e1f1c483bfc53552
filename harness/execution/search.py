"""From the options of `python -m harness tune` to its trials: what it starts, and every worker of it makes again."""

import argparse
from dataclasses import dataclass

import torch

import models
from common.errors import UsageError, suggest
from harness.execution.launch import choose_device, choose_models, choose_preset, plan_of, preset_for
from harness.plan.config import Config, load_config
from harness.plan.model_settings import check_models
from harness.plan.search import Cell, cells, space
from harness.plan.source import choose_source
from harness.plan.trial import Trial
from harness.plan.tuned import KINDS
from target_signals.tasks.base import family_of

MOST_SEEDS = 2**32
MOST_TRIALS = 4096  # of a search: each is planned before the first one runs


@dataclass(frozen=True)
class Search:
    """What a command line asks for. cells: the first seed's, then the next one's. left_out: what cannot be tuned."""

    config: Config
    device: torch.device
    preset: str
    cells: list[Cell]
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


def make_search(options: argparse.Namespace) -> Search:
    """The search that options ask for. UsageError for whatever cannot be."""
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
    name = choose_preset(options.preset, device)
    found, left_out = [], []
    for kind in kinds:
        signal, task = KINDS[kind]
        source = choose_source(signal, None)
        preset = preset_for(config, name, source, options)
        if preset.tuned_at is not None:
            raise UsageError(f"preset '{name}' has tuned settings; tune at --preset {preset.tuned_at}")
        if (missing := source.family.missing()) is not None:  # type: ignore[attr-defined]
            raise UsageError(missing)
        reasons = {model: models.get_model(model).unsupported(source.dim, 1, family_of(task).needs) for model in chosen}
        left_out += [f"{kind}: {reason}" for reason in reasons.values() if reason is not None]
        fitting = [model for model, reason in reasons.items() if reason is None]
        plan = plan_of(options, config, source, [task], preset, fitting, device)
        for seed in dict.fromkeys(options.search_seeds):
            found += cells(config, plan, kind, options.trials, seed)
    if not found:
        raise UsageError(f"nothing is left to tune; give other --models or --kinds. {' '.join(left_out)}")
    return Search(config, device, name, found, tuple(left_out))


def changed_extent(options: argparse.Namespace) -> list[str]:
    """The options for which tuned.json has no place: who reads it has the preset's own extent."""
    changes = {"--steps": options.steps, "--length": options.length, "--set": options.set}
    return [word for word, value in changes.items() if value not in (None, [])]


def check_written(options: argparse.Namespace) -> None:
    """UsageError where what is found cannot be written."""
    if given := changed_extent(options):
        raise UsageError(
            f"--write: presets read settings that were found at their own extent, which {' and '.join(given)} may "
            "change; leave out --write, or put the change into a settings file of your own and name it with --config"
        )
