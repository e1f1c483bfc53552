"""From a command line to its trials: what run.py starts, and every worker of it makes again for itself."""

import argparse
import dataclasses
import functools
import itertools
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from common.errors import UsageError
from harness.plan import cost
from harness.plan.config import GROUPS, Config, Preset, load_config
from harness.plan.make_plan import make_plan, purpose, searched, untuned
from harness.plan.model_settings import check_models, group
from harness.plan.source import LARGEST, Source, check_size, find_source
from harness.plan.trial import Trial
from harness.train import coder, machine
from models import backends, get_model, registry
from target_signals.tasks.base import expand_tasks

# bytes of memory for a value with its gradient, Adam's moments and the best so far, and for one that is solved: what
# `peak_memory_bytes` says in rows of Grid, Siren and Grid_exact at 1e8, and less
TRAINED, SOLVED = 24, 12
FREE = 0.9  # of a device's memory, at most, that a model can have


@dataclass(frozen=True)
class Launch:
    """What a command line asks for.

    left_out: models that it names and that have no trial. notes: what is to be said before it starts.
    """

    config: Config
    device: torch.device
    preset: Preset
    source: Source
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    trials: list[Trial]

    @functools.cached_property
    def tasks(self) -> list[str]:
        return list(dict.fromkeys(task for trial in self.trials for task in trial.scored))

    def as_large(self, trials: Sequence[Trial]) -> list[Trial]:
        """Trials as estimates of cost take them: of the user's own files with as many points as these have."""
        files = {file.item: file for file in self.source.files}
        return [
            cost.as_large(trial, math.prod(files[trial.item].shape_at(trial.length))) if trial.item in files else trial
            for trial in trials
        ]


def make_launch(options: argparse.Namespace) -> Launch:
    """The launch that options ask for. UsageError for whatever cannot be."""
    config = load_config(options.config, options.set)
    models = choose_models(config, options.models)
    check_models(config)
    device = choose_device(options)
    name = choose_preset(options.preset, device)
    if options.signal is None:
        raise UsageError("give --signal, for example --signal Sierpinski; --list names them all")
    source, notes = find_source(options.signal, options.dim, options.items, options.bandlimits, config, name)
    preset = preset_for(config, name, source, options)
    if options.preset is None and source.files:
        tuned = tuned_preset(config, preset, source, options.task, models)
        if tuned is None:
            notes.append("settings that were not tuned, as some of these models have no tuned ones near these budgets")
        else:
            preset = preset_for(config, tuned, source, options)
    trials = plan_of(options, config, source, options.task, preset, models, device)
    notes += shrunk(source, preset, options.length)
    planned = {trial.model for trial in trials}
    if left_out := tuple(name for name in models if name in options.models and name not in planned):
        notes.append(f"left out: {purpose(left_out)}")
    if options.bits:
        coder.check()
        changes = {"bits": tuple(dict.fromkeys(options.bits)), "quantised_share": options.quantised_share}
        trials = [dataclasses.replace(trial, **changes) for trial in trials]
    elif options.quantised_share:
        raise UsageError("--quantised-share needs --bits, like --bits 4 6 8 --quantised-share 0.2")
    if preset.tuned_at is not None:
        others = " or ".join(task for task in expand_tasks(options.task) if not searched(task))
        but = f", which does not search {others}; --preset {preset.tuned_at} has the papers' settings" if others else ""
        notes.append(f"settings found by python -m harness tune --preset {preset.tuned_at} (docs/tuning.md){but}")
    return Launch(config, device, preset, source, left_out, tuple(notes), trials)


def plan_of(
    options: argparse.Namespace,
    config: Config,
    source: Source,
    tasks: Sequence[str],
    preset: Preset,
    chosen: Sequence[str],
    device: torch.device,
) -> list[Trial]:
    """The trials of some models on a source. UsageError for what cannot run on the device, or anywhere."""
    if not source.files:  # which are as large as they are
        try:
            check_size(source.family.name, source.dim, preset.length.get(source.length_key), LARGEST)
        except UsageError as error:
            raise UsageError(f"--length: {error}; give a smaller one") from error
    for model in chosen if options.backend is not None else ():
        backends.check(get_model(model), options.backend, device)
    precision = choose_precision(options.precision, device)
    trials = make_plan(config, source, tasks, preset, chosen, precision, options.backend)
    if options.executor == "local":  # machines of a cluster may have more memory than this one
        check_budgets(trials, device)
    return trials


def shrunk(source: Source, preset: Preset, asked: int | None) -> list[str]:
    """A line where the user's own files are fitted at fewer samples than they have, or have fewer than asked for."""
    length = preset.length.get(source.length_key)
    longest = max((max(file.shape) for file in source.files), default=0)
    if source.files and asked is not None and asked > longest:
        return [
            f"no file has {asked:,} samples along an axis, and none is enlarged: --length {asked} keeps all samples"
        ]
    if length is None or length >= longest:
        return []
    shapes = {file.shape_at(length) for file in source.files}
    one = f"{'×'.join(map(str, shapes.pop()))}, " if len(shapes) == 1 else ""
    axis = "longest axis" if all(file.spacing is None for file in source.files) else "axis that is longest in space"
    return [f"shrunk to {one}{length:,} samples along the {axis}; --length {longest} keeps all samples"]


def tuned_preset(
    config: Config, preset: Preset, source: Source, tasks: Sequence[str], chosen: Sequence[str]
) -> str | None:
    """The preset of the same extent whose settings were tuned, where they were for all of this; else None."""
    cells = itertools.product(expand_tasks(tasks), preset.sizes)
    if any(untuned(config, preset.name, source, task, chosen, size) for task, size in cells):
        return None
    return next((name for name, values in config.presets.items() if values.get("tuned_at") == preset.name), None)


def check_budgets(trials: Sequence[Trial], device: torch.device, option: str = "--sizes") -> None:
    """UsageError for a budget that the device cannot hold, before anything is begun. option: as messages name it."""
    memory = machine.memory(device)
    if memory is None:
        return
    for trial in trials:
        each = SOLVED if trial.lr is None else TRAINED
        most = int(FREE * memory / each)
        if trial.budget > most:
            takes = f"{trial.budget:,} parameters of {trial.model} take about {each * trial.budget / 1e9:,.0f} GB"
            there = f"{machine.device_name(device)} has {FREE * memory / 1e9:,.0f} GB for them"
            raise UsageError(f"{option}: {takes}, and {there}; give at most {most:,}")


def choose_device(options: argparse.Namespace) -> torch.device:
    """Where the trials run. Machines of a cluster are not asked: this one may have other devices, or none."""
    if options.slurm and options.executor != "slurm":
        raise UsageError("--slurm is for --executor slurm")
    if options.executor == "local":
        return machine.choose_device(options.device)
    if options.device not in ("cpu", "cuda"):
        given = "nothing" if options.device is None else f"'{options.device}'"
        raise UsageError(f"--executor {options.executor} needs --device cpu or --device cuda, got {given}")
    return torch.device(options.device)


def choose_preset(asked: str | None, device: torch.device) -> str:
    """The preset that is asked for, or the one for this kind of device."""
    return asked or ("paper" if device.type == "cuda" else "quick")


def choose_precision(asked: str | None, device: torch.device) -> str | None:
    """The precision of every model, or None for each one's own."""
    if device.type == "cpu" and asked == "tf32":
        raise UsageError("precision tf32 exists on CUDA devices only; use --precision fp32 here")
    return asked or ("fp32" if device.type == "cpu" else None)


def choose_models(config: Config, chosen: Sequence[str]) -> list[str]:
    """Names from `--models`: groups, registered names, and paths of files that register some."""
    names: list[str] = []
    for entry in chosen:
        if entry in GROUPS:
            members = group(config, entry)
            if not members:
                raise UsageError(f"the settings file '{config.source}' names no models of the group '{entry}'")
            names += members
        elif entry.endswith(".py") or os.path.isfile(entry):
            names += registry.load_file(entry)
        else:
            names.append(get_model(entry).name)
    if clash := [name for name in names if name in GROUPS]:
        raise UsageError(f"--models takes '{clash[0]}' for a group of models; give the model another name")
    return list(dict.fromkeys(names))


def preset_for(config: Config, name: str, source: Source, options: argparse.Namespace) -> Preset:
    """A signal's preset, with what the command line gives in place of its values."""
    preset = config.preset(name, source.family.name, source.dim)
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name in ("sizes", "bandlimits", "seeds", "signal_seeds", "steps")
        if (value := getattr(options, name)) is not None
    }
    if options.length is not None:
        given["length"] = preset.length | {source.length_key: options.length}
    try:
        return dataclasses.replace(preset, **given)
    except ValueError as error:
        field, message = str(error).split(":", 1)
        raise UsageError(f"--{field.replace('_', '-')}:{message}") from error
