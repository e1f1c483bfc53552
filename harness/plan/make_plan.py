"""Experiment + preset + overrides → the list of trials (docs/protocol.md, "Experiments and presets")."""

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import models
from common.dials import dials_of
from common.errors import UsageError
from common.registry import version
from harness.plan.config import Config, Preset
from harness.plan.model_settings import training_settings
from harness.plan.source import Source, check_name, check_signal_seeds
from harness.plan.trial import LR_SCHEDULE, Trial
from harness.plan.tuned import KINDS, REACH, found_for, kind_in
from target_signals.base import RecordedFamily, SignalFamily
from target_signals.tasks.base import check_task, expand_tasks, family_of, registry, scored_on, trained_on

T = TypeVar("T")


def make_plan(
    config: Config,
    source: Source,
    tasks: Sequence[str],
    preset: Preset,
    chosen_models: Sequence[str],
    precision: str | None = "fp32",
    backend: str | None = None,
) -> list[Trial]:
    """Every trial of some tasks, ordered so that signals are built once and cells complete early.

    precision: of every model, or None for each one's own, which is meant for CUDA devices.

    A model has trials of the tasks in `tasks_for` alone.

    Raises UsageError for whatever the signal, the tasks or a model does not know, for a preset of tuned settings where
    some have not been tuned, and where no trial is left.
    """
    family = source.family
    if source.length_key not in preset.length:
        what = f"dim {source.dim}" if source.kind == "synthetic" else f"signals of kind '{source.kind}'"
        raise UsageError(f"preset '{preset.name}' has no length for {what}; give --length")
    length = preset.length[source.length_key]

    @functools.cache  # ten thousand trials have a hundred different ones
    def settings(task: str, model: str, size: int) -> dict[str, Any]:
        kind, found = family_of(task).settings or source.kind, None
        if preset.tuned_at is not None:
            of = tuned_kind(source, task)
            if lacking := untuned(config, preset.tuned_at, source, task, chosen_models, size):
                words = " ".join(map(models.registry.word_for, lacking))
                raise UsageError(
                    f"preset '{preset.name}': no settings of {', '.join(lacking)} have been tuned for {of} at a budget "
                    f"within {REACH} times of {size:,}; run python -m harness tune --preset {preset.tuned_at} "
                    f"--kinds {of} --models {words} --sizes {size} --write{config.option}, or leave them out"
                )
            found = found_for(config.tuned, preset.tuned_at, model, of, size)
        values, lr_schedule = training_settings(config, model, kind, size, found)
        return {"settings": values, LR_SCHEDULE: lr_schedule}

    finer = {item: has_finer(family, item) for item in source.items}

    @functools.cache
    def fit(item: str | None, task: str, model: str, size: int) -> Trial:
        """What its draws share; of no band and of seed 0."""
        scored = scored_on(task, finer[item])
        return Trial(
            signal=family.name,
            item=item,
            dim=source.dim,
            length=length,
            bandlimit=None,
            task=task,
            scored=scored,
            model=model,
            budget=size,
            seed=0,
            signal_seed=0,
            path=source.path_of(item),
            dataset=source.dataset,
            preset=preset.name,
            steps=preset.steps,
            evaluate_every=preset.evaluate_every,
            minibatch=_minibatch(preset, model, size, task),
            precision=precision or models.get_model(model).precision,
            adam_betas=config.protocol.adam_betas,
            activation_gib=config.protocol.activation_gib,
            backend=backend,
            optimiser=preset.optimiser,
            tuned_at=preset.tuned_at,
            **own_code(model, family, scored),
            **settings(task, model, size),
        )

    bands = preset.bandlimits if family.bands else (None,)
    for band in bands:
        family.check(source.dim, length, band)
    names = expand_tasks(tasks)
    check_name(family.name)
    if any(signal_seed != seed for seed, signal_seed in preset.seed_pairs):
        check_signal_seeds(source, names)
    trials = [
        fit(item, task, model, size).of_draw(band, seed, signal_seed)
        for item in source.items
        for task in _trained_on(names, source.dim, finer[item])
        for band, (seed, signal_seed), size, model in itertools.product(
            _once(bands), _once(preset.seed_pairs), _once(preset.sizes), _once(chosen_models)
        )
        if family_of(task).name in tasks_for(model)
    ]
    for file, name in itertools.product(source.files, names):
        try:
            family_of(name).check_shape(file.shape_at(length))
        except UsageError as error:
            raise UsageError(f"'{file.path}'{f' at length {length}' if length else ''}: {error}") from error
    if chosen_models and not trials:
        raise UsageError(f"no trials for task {' or '.join(names)}: {purpose(chosen_models)}")
    return trials


def own_code(model: str, family: type[SignalFamily], tasks: Iterable[str]) -> dict[str, Any]:
    """The fields of a trial by which its rows differ from those of another version of one's own files."""
    of_signal = version(family, *map(family_of, tasks))
    return {"model_code": version(models.get_model(model)), "signal_code": of_signal}


def tasks_for(model: str) -> list[str]:
    """The registered tasks of which a model has trials: all, or those with a classical inverse where it is solved for
    that alone. `unsupported` says later, in rows, what else a model does not take."""
    inverts = models.get_model(model).inverts
    return [task for task in registry.names() if registry.get(task).needs.invertible or not inverts]


def purpose(of_some_tasks: Iterable[str]) -> str:
    """What models of some tasks are for: `FBP is for --task ct`."""
    return ", ".join(f"{model} is for --task {' '.join(tasks_for(model))}" for model in of_some_tasks)


def tuned_kind(source: Source, task: str) -> str:
    """The kind of data, of harness/plan/tuned.py's KINDS, whose tuned settings hold for a task on a signal."""
    return kind_in(source.dim, family_of(task).settings or source.kind)


def searched(task: str) -> bool:
    """Whether searches for settings fit this task, or the one whose fit is scored on it, too."""
    family = family_of(task)
    return not {family.name, family.shares}.isdisjoint(task for _, task in KINDS.values())


def untuned(
    config: Config,
    extent: str,
    source: Source,
    task: str,
    chosen: Sequence[str],
    size: int,
    reach: float = REACH,
) -> list[str]:
    """The models among these that have dials, can be fitted, and have no settings that were tuned for the task at a
    budget within `reach` times of `size`."""
    kind, needs = tuned_kind(source, task), family_of(task).needs
    classes = [models.get_model(name) for name in chosen]
    return [
        cls.name
        for cls in classes
        if dials_of(cls.Config)
        and cls.unsupported(source.dim, 1, needs) is None
        and found_for(config.tuned, extent, cls.name, kind, size, reach) is None
    ]


def _once(values: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(values))


def _trained_on(tasks: Sequence[str], dim: int, finer: bool) -> list[str]:
    """The tasks whose fits give the rows of these. finer: whether the signal brings a finer lattice."""
    for task in tasks:
        check_task(task, dim, finer)
    return _once(trained_on(task, finer) for task in tasks)


def has_finer(family: type[SignalFamily], item: str | None) -> bool:
    """Whether a signal brings a finer lattice, so that its fits are scored on super-resolution, too."""
    return issubclass(family, RecordedFamily) and item is not None and family.has_finer(item)


def _minibatch(preset: Preset, model: str, size: int, task: str) -> int | None:
    """Points a batch; None where an operator couples all points, and for models without points or training."""
    cls = models.get_model(model)
    trained = any(field.name == "lr" for field in dataclasses.fields(cls.Config))
    if preset.minibatch is None or not family_of(task).needs.pointwise or cls.lattice_only or not trained:
        return None
    return preset.minibatch.points_for(model, size)
